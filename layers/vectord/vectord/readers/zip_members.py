"""Read the members of a zip archive of known names, within a limit of decoded bytes."""

import io
import zipfile
import zlib
from collections.abc import Collection
from typing import Final

from vectord.errors import FileRefused

_COMPRESSIONS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # numpy writes no others
_ENCRYPTED: Final = 1  # bit of the flags
_ENTRY: Final = b"PK\x01\x02"  # begins each entry of the directory
_MAX_ENTRIES: Final = 1_000  # zipfile makes an object of each; arrays may contain these bytes by chance

# What zipfile raises for a damaged archive whose members are stored or deflated. ValueError: a position before the
# file, or a name that is not UTF-8. OverflowError: a position of more than 63 bits. EOFError: a member that ends early.
# NotImplementedError: a flag or a version of the format that it does not know.
_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, ValueError, OverflowError, EOFError, NotImplementedError)


def read_members(data: bytes, names: Collection[str], limit: int) -> dict[str, bytes]:
    """Return the members of the archive, which has some of `names` and no others, by name.

    Raises:
        FileRefused: it is damaged, has another member or one twice, or decodes to more than `limit` bytes.
    """
    if data.count(_ENTRY) > _MAX_ENTRIES:
        raise FileRefused(
            f"an .npz file may have {', '.join(names)}, and this one has more than {_MAX_ENTRIES:,} arrays"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check(archive.infolist(), names, limit)
            # zipfile decodes at most the size in the directory, and compares the checksum at the end.
            return {info.filename: _whole(info, archive.read(info)) for info in archive.infolist()}
    except _DAMAGED as error:
        raise FileRefused(f"it is not a complete .npz file ({error})") from error


def _check(infos: Collection[zipfile.ZipInfo], names: Collection[str], limit: int) -> None:
    found = [info.filename for info in infos]
    if unknown := sorted(set(found) - set(names)):
        raise FileRefused(f"an .npz file may have {', '.join(names)}, and this one has {unknown[0]!r}")
    if len(set(found)) < len(found):
        raise FileRefused("it has an array twice")
    if sum(info.file_size for info in infos) > limit:
        raise FileRefused(f"it decodes to more than {limit:,} bytes, which this function cannot hold; split it")
    if any(info.flag_bits & _ENCRYPTED for info in infos):
        raise FileRefused("it is encrypted")
    if any(info.compress_type not in _COMPRESSIONS for info in infos):
        raise FileRefused("its arrays must be stored, or compressed by deflate, as numpy.savez_compressed does")


def _whole(info: zipfile.ZipInfo, member: bytes) -> bytes:
    if len(member) != info.file_size:
        raise FileRefused(f"{info.filename} is truncated")
    return member
