"""Pack ids and metadata as the section `rows` and the end of a section `piece` have them: see docs/lhv1.md."""

import struct
import zlib
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from vectord.index.sections.documents import BLOCK_ROWS, HEAD


def pack_documents(ids: Sequence[str], metadata: Mapping[str, msgspec.Raw]) -> bytes:
    """Return the documents of n >= 1 rows, in row order.

    `metadata` is JSON text by id; a row whose id is not in it has none.
    """
    texts = [vector_id.encode() for vector_id in ids]
    documents = [metadata.get(vector_id, b"") for vector_id in ids]
    hashes = np.fromiter(map(zlib.crc32, texts), np.uint32, len(texts))
    by_hash = np.argsort(hashes, kind="stable")
    blocks = [
        _pack_block(texts[at : at + BLOCK_ROWS], documents[at : at + BLOCK_ROWS])
        for at in range(0, len(texts), BLOCK_ROWS)
    ]
    ends = np.cumsum([0, *map(len, blocks)])
    return b"".join(
        (
            HEAD.pack(len(texts), BLOCK_ROWS),
            hashes[by_hash].astype("<u4").tobytes(),
            by_hash.astype("<u4").tobytes(),
            ends.astype("<u8").tobytes(),
            *blocks,
        )
    )


def _pack_block(ids: Sequence[bytes], documents: Sequence[bytes | msgspec.Raw]) -> bytes:
    lengths = struct.pack(f"<{len(ids)}H{len(ids)}I", *map(len, ids), *map(len, documents))
    return b"".join((lengths, *ids, *documents))
