"""Write the section `piece` from rows; docs/lhv1.md describes it byte by byte."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from vectord.index.kernels import codes
from vectord.index.kernels.codes import RowCodes
from vectord.index.kernels.distance import F32
from vectord.index.kernels.exact_scan import measure_norms
from vectord.index.sections.base import Bytes, write_array, write_crc32
from vectord.index.sections.documents_writer import pack_documents
from vectord.index.sections.piece import CRC32_FIELD, NO_CODES
from vectord.lhv1.frame import Data
from vectord.lhv1.params import Distance
from vectord.lhv1.rows_layout import COUNT, LARGEST_NORM, PieceLayout


def pack(
    ids: Sequence[str],
    metadata: Mapping[str, msgspec.Raw],
    vectors: F32,
    mean: F32 | None,
    distance: Distance,
    *,
    known: Sequence[RowCodes] = (),
) -> bytes:
    """Return the section of n >= 1 rows, with codes about `mean`; arguments as for `pack_fields`."""
    return b"".join(pack_fields(ids, metadata, vectors, mean, distance, known=known))


def pack_fields(
    ids: Sequence[str],
    metadata: Mapping[str, msgspec.Raw],
    vectors: F32,
    mean: F32 | None,
    distance: Distance,
    *,
    known: Sequence[RowCodes] = (),
    with_codes: bool = True,
) -> tuple[Data, Data, Data]:
    """Return head, vectors and documents of a section of n >= 1 rows; back to back they are the section.

    `vectors` are float32 (n, dimension), finite, and not copied if they are contiguous. `mean`, float32 (dimension,),
    is that of the rows that a search compares these with; None for the mean of these rows. `known` are the codes about
    `mean` of the first rows, as earlier pieces have them; only the codes of the other rows are computed.
    Without codes a search scans all vectors.
    """
    head = _head(vectors, mean, distance, known, with_codes=with_codes)
    stored = np.ascontiguousarray(vectors, "<f4").reshape(-1).view(np.uint8)
    return memoryview(head), memoryview(stored), pack_documents(ids, metadata)


def _head(vectors: F32, mean: F32 | None, distance: Distance, known: Sequence[RowCodes], *, with_codes: bool) -> Bytes:
    """Return the head. Rows whose norms float32 cannot square get no codes, and then searches scan all vectors."""
    rows, dimension = vectors.shape
    layout = PieceLayout(dimension, rows)
    head: Bytes = np.zeros(layout.vectors, np.uint8)
    can_have_codes = with_codes and measure_norms(vectors, distance).float32_safe
    if mean is None:
        mean, known = codes.mean_of(vectors, distance) if can_have_codes else np.zeros(dimension, np.float32), ()
    write_array(head, layout.mean, mean.astype("<f4"))
    COUNT.pack_into(head, 0, rows, 0)
    if can_have_codes:
        _put_codes(head, layout, _encoded(vectors, mean, distance, known))
    else:
        LARGEST_NORM.pack_into(head, layout.largest_norm, NO_CODES)
    write_crc32(head, CRC32_FIELD)
    return head


def _encoded(vectors: F32, mean: F32, distance: Distance, known: Sequence[RowCodes]) -> RowCodes:
    """Return the codes of all rows: those that are known, and the others."""
    first = sum(len(each.norms) for each in known)
    encoded = codes.encode(vectors[first:], mean, distance)
    return codes.joined([*known, codes.in_planes(encoded)])


def _put_codes(head: Bytes, layout: PieceLayout, encoded: RowCodes) -> None:
    largest = float(encoded.norms.max())
    LARGEST_NORM.pack_into(head, layout.largest_norm, largest)
    write_array(head, layout.planes, encoded.planes.astype("<u8"))
    write_array(head, layout.norms, (encoded.norms / np.float32(largest or 1.0)).astype("<f2"))
    write_array(head, layout.factors, encoded.factors.astype("<f2"))
