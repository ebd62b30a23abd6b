"""Pack ids and metadata as the section `rows` and the end of a section `piece` have them: see docs/lhv1.md.

The columns of all rows are joined first, and then cut into blocks: Python handles some objects for each block, and few
for each row.
"""

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, pairwise
from typing import Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.lhv1.rows_layout import BLOCK_ROWS, HEAD

type Numbers = npt.NDArray[np.integer]

_LENGTHS: Final = 6  # bytes of a row: the length of its id, and that of its metadata


def pack_documents(ids: Sequence[str], metadata: Mapping[str, msgspec.Raw]) -> bytes:
    """Return the documents of n >= 1 rows, in row order.

    `metadata` is JSON text by id; a row whose id is not in it has none.
    """
    texts, documents = [vector_id.encode() for vector_id in ids], _documents(ids, metadata)
    rows = len(texts)
    id_sizes, document_sizes = _packed(map(len, texts), rows, "H"), _packed(map(len, documents), rows, "I")
    stops = np.append(np.arange(BLOCK_ROWS, rows, BLOCK_ROWS), rows)  # of the blocks: the rows before their ends
    columns = (
        (_lengths(id_sizes, document_sizes), _LENGTHS * stops),
        (b"".join(texts), _ends(id_sizes, stops)),
        (b"".join(documents), _ends(document_sizes, stops)),
    )
    directory: Numbers = np.append(np.zeros(1, np.int64), sum(ends for _, ends in columns))
    blocks = zip(*(_cut(column, ends) for column, ends in columns), strict=True)
    return b"".join(
        (
            HEAD.pack(rows, BLOCK_ROWS),
            *_by_hash(texts),
            directory.astype("<u8").tobytes(),
            *chain.from_iterable(blocks),
        )
    )


def _documents(ids: Sequence[str], metadata: Mapping[str, msgspec.Raw]) -> Sequence[bytes | msgspec.Raw]:
    """Return the metadata of each row, empty for a row without."""
    if len(metadata) == len(ids) and list(metadata) == list(ids):
        return list(metadata.values())
    return [metadata.get(vector_id, b"") for vector_id in ids]


def _by_hash(texts: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the hashes of ids, ascending, and the row of each; rows with one hash ascend."""
    hashes = _packed(map(zlib.crc32, texts), len(texts), "I").astype(np.uint64)
    pairs = np.sort(hashes << 32 | np.arange(len(texts), dtype=np.uint64)).astype("<u8", copy=False).view("<u4")
    return pairs[1::2].tobytes(), pairs[::2].tobytes()


def _packed(values: Iterable[int], count: int, form: Literal["H", "I"]) -> Numbers:
    """Return `count` numbers as an array, by `struct`, which takes less time for it than numpy."""
    return np.frombuffer(struct.pack(f"<{count}{form}", *values), "<u2" if form == "H" else "<u4")


def _lengths(id_sizes: Numbers, document_sizes: Numbers) -> bytes:
    """Return, for each block, the sizes of its ids and then those of its metadata."""
    last = len(id_sizes) // BLOCK_ROWS * BLOCK_ROWS
    columns = (id_sizes, document_sizes)
    full = [column[:last].reshape(-1, BLOCK_ROWS).view(np.uint8) for column in columns]
    return b"".join((np.concatenate(full, axis=1).tobytes(), *(column[last:].tobytes() for column in columns)))


def _ends(sizes: Numbers, stops: Numbers) -> Numbers:
    """Return where each block ends in a column of values with these sizes."""
    ends: Numbers = np.cumsum(sizes, dtype=np.int64)[stops - 1]
    return ends


def _cut(column: bytes, ends: Numbers) -> Sequence[bytes]:
    return [column[start:stop] for start, stop in pairwise([0, *ends.tolist()])]
