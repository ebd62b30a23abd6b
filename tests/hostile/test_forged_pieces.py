"""Forged pieces under correct checksums: every use case refuses the blob, or gives the true result."""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.support import forged
from tests.support import hostile as h
from tests.support.forged import golden
from tests.support.hostile import Blob, Probe, Section
from vectord.errors import BlobError
from vectord.lhv1.rows_layout import PieceLayout

PROBE, UNBUILT = Probe(71, "row-66 é"), Probe(5, "row-05 é")  # ids of rows in pieces
LAYOUT = PieceLayout(71, 17)  # of the second piece of pieces.lhv1


def keys(name: str = "pieces", **changed: Any) -> Blob:
    return golden(name).with_keys(**changed)


def with_pieces(name: str, order: list[int]) -> Blob:
    """Return a blob with the sections of a golden one in another order, some of them left out or repeated."""
    return Blob(golden(name).envelope, [golden(name).sections[number] for number in order])


def with_lengths(*changes: int) -> Blob:
    """Return the blob with `changes` added to the lengths of its first sections, under unchanged bytes."""
    sections = list(golden("pieces").sections)
    for number, change in enumerate(changes):
        each = sections[number]
        sections[number] = Section(each.name, each.data, {**each.forged, "bytes": len(each.data) + change})
    return Blob(golden("pieces").envelope, sections)


REFUSED = {
    "pieces without their key": lambda: (forged.without_key("pieces", "pieces"), PROBE),
    "the key without pieces": lambda: (with_pieces("pieces", [3, 4, 5, 6]), PROBE),
    "the key in the plain form": lambda: (keys("cosine", pieces=[3]), forged.A),
    "the key beside tails": lambda: (keys("packed", pieces=[3, 2]), forged.ROW),
    "ids of pieces in the envelope": lambda: (keys(ids=[f"x{row}" for row in range(22)]), PROBE),
    "metadata of pieces in the envelope": lambda: (keys(metadata={"row-66 é": 1}), PROBE),
    "one piece fewer": lambda: (with_pieces("pieces", [0, 1, 3, 4, 5, 6]), PROBE),
    "a piece behind the partitions": lambda: (with_pieces("pieces", [0, 1, 3, 2, 4, 5, 6]), PROBE),
    "a piece at the end": lambda: (with_pieces("pieces", [0, 1, 3, 4, 5, 6, 2]), PROBE),
    "a piece without rows": lambda: (keys(pieces=[3, 19, 0]), PROBE),
    "a piece of fewer than no rows": lambda: (keys(pieces=[3, 20, -1]), PROBE),
    "2^62 rows": lambda: (keys(pieces=[3, 2**62, 2]), PROBE),
    "2^70 rows": lambda: (keys("pieces-unbuilt", pieces=[2**70, 18]), UNBUILT),
    "4 billion rows": lambda: (keys(pieces=[3, 2**32 - 1, 2]), PROBE),
    "counts of rows that are not integers": lambda: (keys(pieces=[3, "17", 2]), PROBE),
    "a removed row behind the last piece": lambda: (keys(removed=[82]), PROBE),
    "a piece that overlaps the next": lambda: (with_lengths(8, -8), PROBE),
    "a piece of negative length": lambda: (with_lengths(-3_000, 3_000), PROBE),
    "a piece that exceeds the body": lambda: (with_lengths(2**40), PROBE),
}


@pytest.mark.parametrize("forge", REFUSED.values(), ids=REFUSED.keys())
def test_every_use_case_refuses_a_blob_that_contradicts_itself(forge: Callable[[], tuple[Blob, Probe]]) -> None:
    blob, probe = forge()
    assert h.not_refused(blob.data, probe) == {}


def with_piece(offset: int, kind: str, value: float) -> Blob:
    """Return the blob with another value in its second piece, of 17 rows, under correct checksums."""
    data = bytearray(golden("pieces").sections[1].data)
    struct.pack_into(kind, data, offset, value)
    return replaced(h.resealed_piece(data, LAYOUT))


def replaced(piece: bytes) -> Blob:
    first, _, *others = golden("pieces").sections
    return Blob(golden("pieces").envelope, [first, Section("piece", piece, {"id": "forged"}), *others])


NAN, INF = float("nan"), float("inf")
DOCUMENTS = LAYOUT.documents
NEVER_WRONG: dict[str, Callable[[], Blob]] = {
    "one row more in its head": lambda: with_piece(0, "<I", 18),
    "a mean that is not a number": lambda: with_piece(LAYOUT.mean, "<f", NAN),
    "a largest norm that is negative": lambda: with_piece(LAYOUT.largest_norm, "<f", -1.0),
    "no codes": lambda: with_piece(LAYOUT.largest_norm, "<f", INF),
    "a norm that is not a number": lambda: with_piece(LAYOUT.norms, "<e", NAN),
    "a factor of 0": lambda: with_piece(LAYOUT.factors + 2 * 4, "<e", 0.0),
    "a vector that is not a number": lambda: with_piece(LAYOUT.vectors + 4 * 71 * 4, "<f", NAN),
    "documents of another number of rows": lambda: with_piece(DOCUMENTS, "<I", 16),
    "an id at a row that does not exist": lambda: with_piece(DOCUMENTS + 8 + 4 * 17, "<I", 17),
    "a block that starts outside": lambda: with_piece(DOCUMENTS + 8 + 8 * 17, "<Q", 2**63),
    "another mean": lambda: with_piece(LAYOUT.mean, "<f", 0.25),
    "a piece of another number of rows": lambda: replaced(golden("pieces").sections[0].data),
    "an empty piece": lambda: replaced(b""),
    "a piece without its documents": lambda: replaced(golden("pieces").sections[1].data[:DOCUMENTS]),
}


@pytest.mark.slow
@pytest.mark.parametrize("forge", NEVER_WRONG.values(), ids=NEVER_WRONG.keys())
def test_every_use_case_refuses_a_forged_piece_or_gives_the_true_result(forge: Callable[[], Blob]) -> None:
    expected, found = h.outcomes(golden("pieces").data, PROBE), h.outcomes(forge().data, PROBE)
    refused = {use for use, answer in found.items() if isinstance(answer, BlobError)}
    assert {use: found[use] for use in found if use not in refused} == {
        use: expected[use] for use in expected if use not in refused
    }


def test_an_id_of_two_live_rows_is_refused_or_found_at_one_of_them() -> None:
    """The envelope does not list ids of pieces, so a reader cannot compare all of them. No writer makes such a blob."""
    blob = with_pieces("pieces", [0, 0, *range(1, 7)]).with_keys(pieces=[3, 3, 17, 2])
    probe = Probe(71, "row-78 é")  # in the piece that is there twice
    found, expected = h.outcomes(blob.data, probe)["lookup"], h.outcomes(golden("pieces").data, probe)["lookup"]
    assert isinstance(found, BlobError) or found == expected


@pytest.mark.parametrize("row", [0, 16])
def test_a_vector_without_a_direction_is_refused_by_searches(row: int) -> None:
    data = bytearray(golden("pieces").sections[1].data)
    at = LAYOUT.vectors + row * LAYOUT.row_bytes
    data[at : at + LAYOUT.row_bytes] = bytes(LAYOUT.row_bytes)
    found = h.outcomes(replaced(bytes(data)).data, PROBE, h.READS)
    assert {use for use, answer in found.items() if isinstance(answer, BlobError)} >= {"exact"}


def test_a_code_that_is_wrong_gives_true_distances() -> None:
    """A code decides which rows are read; distances come from the vectors."""
    codes = np.frombuffer(golden("pieces").sections[1].data, np.uint8)[LAYOUT.planes : LAYOUT.norms]
    data = bytearray(golden("pieces").sections[1].data)
    data[LAYOUT.planes : LAYOUT.norms] = (~codes).tobytes()
    found = h.outcomes(replaced(h.resealed_piece(data, LAYOUT)).data, PROBE, h.READS)
    expected = h.outcomes(golden("pieces").data, PROBE, h.READS)
    assert found["exact"] == expected["exact"]
    assert found["lookup"] == expected["lookup"]
