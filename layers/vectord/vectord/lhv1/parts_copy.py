"""The section `parts-head`: a copy of the first bytes of the section `parts`, which stands before the pieces.

A search reads the first bytes of an object and then, by ranges, what it needs. Just after a build the head of `parts`
is among the first bytes. Later the pieces stand before `parts`, and without the copy a search would need one more round
of requests. It costs nothing: a commit uploads 5 MiB anyway, and the rest of the section fills them.

offset  size  field
0       4     c, the bytes of the copy, uint32 little-endian
4       c     the first c bytes of the section `parts`
4+c     ...   zeros
"""

import struct
from typing import Final

from vectord.errors import BlobCorrupt

type Data = bytes | memoryview

_LENGTH: Final = struct.Struct("<I")
_PAGE: Final = 4_096  # a cache keeps whole pages of a section


def copy_size(head_size: int, parts_size: int, limit: int) -> int:
    """Return how many bytes of `parts` a copy has, so that its head is among them; 0 if they are more than `limit`."""
    size = min(-(-head_size // _PAGE) * _PAGE, parts_size)
    return size if size <= limit else 0


def pack(copy: Data, size: int, alignment: int = 1) -> bytes:
    """Return the section with a copy of the first bytes of `parts`.

    Zeros fill it to `size` bytes, and to a multiple of `alignment`.
    """
    size = -(-max(size, _LENGTH.size + len(copy)) // alignment) * alignment
    return b"".join((_LENGTH.pack(len(copy)), copy)).ljust(size, b"\0")


def read_copy(data: memoryview, size: int, parts_size: int) -> memoryview:
    """Return the bytes of the copy that are in `data`, the first bytes of a section of `size` bytes.

    Raises:
        BlobCorrupt: the copy is longer than the section, or than `parts`, which has `parts_size` bytes.
    """
    if len(data) < _LENGTH.size:
        return data[:0]
    (length,) = _LENGTH.unpack_from(data)
    if length > min(size - _LENGTH.size, parts_size):
        raise BlobCorrupt("its section 'parts-head' is shorter than its copy, or longer than its section 'parts'")
    return data[_LENGTH.size : _LENGTH.size + length]
