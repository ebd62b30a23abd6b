"""Golden files with partitions and with pieces: each section reads as it was written."""

import json

import numpy as np
import pytest

from tests.support import golden
from vectord.index.codec import decode
from vectord.index.kernels.codes import encode
from vectord.index.query import search
from vectord.index.sections.base import NOTHING_TO_FETCH, MemorySection
from vectord.index.sections.piece import Piece
from vectord.lhv1 import frame
from vectord.lhv1.parts_copy import read_copy
from vectord.lhv1.parts_shape import ColdPoint, PartsShape, WarmPoint


@pytest.mark.parametrize(("name", "dimension"), [("parts", 71), ("parts-euclidean", 32)])
def test_an_index_with_partitions_reads_as_it_was_written(name: str, dimension: int) -> None:
    drawn = np.random.default_rng(dimension).normal(size=(62, dimension)).astype(np.float32)
    drawn[:10] = drawn[0]
    vectors = {f"row-{row:02} é": vector for row, vector in enumerate(drawn) if row not in {7, 60}}
    vectors["row-05 é"] = drawn[60]
    index = decode.open_blob(golden.read(name))
    rows = index.rows
    assert {vector_id: rows.vectors[row].tobytes() for vector_id, row in rows.row_of.items()} == {
        vector_id: vector.tobytes() for vector_id, vector in vectors.items()
    }
    assert json.loads(bytes(rows.metadata["row-44 é"])) == {"row": 44}
    for vector_id, vector in list(vectors.items())[10:]:
        assert [(match.id, match.distance) for match in search.search(index, vector, 1).matches] == [(vector_id, 0.0)]


@pytest.mark.parametrize("name", ["parts", "parts-euclidean"])
def test_the_partitions_of_an_index_read_as_they_were_written(name: str) -> None:
    index, envelope, entries = decode.open_blob(golden.read(name)), frame.decode(golden.read(name))[0].envelope, 80
    assert [entry.name for entry in envelope.sections] == ["parts", "columns", "rows", "graph", "tail"]
    assert envelope.parts == PartsShape(
        *(6, entries),
        warm=(WarmPoint(1, 20, 17, 0.5, 0.25), WarmPoint(6, 60, entries, 1.0, 1.0)),
        cold=(ColdPoint(6, 60, 1, 1.0, 1.0),),
    )
    assert index.base is not None
    parts, everywhere = index.base.parts, np.arange(6)
    assert parts is not None
    vectors, origin = index.base.graph.vectors, parts.query(index.base.graph.vectors[0])
    for search_in in (parts.nearest, parts.estimated):
        found, examined = search_in(origin, everywhere, entries)
        assert (sorted(found.tolist()), examined) == (list(range(60)), entries)
    for partition in range(1, 6):
        rows, _ = parts.nearest(origin, np.array([partition]), 60)
        unit = vectors[rows] / (1 if "euclidean" in name else np.linalg.norm(vectors[rows], axis=1)[:, None])
        nearest = parts.rank(parts.query(unit.mean(axis=0)), 6).tolist()
        assert partition in nearest[:2]
        assert {0, 1} == set(nearest[:2]) or partition == nearest[0] > 1  # 0 and 1 are pages of one partition


def _pieces_of(name: str) -> list[Piece]:
    """Return the pieces of a blob, the oldest first."""
    head, sections = frame.decode(golden.read(name))
    envelope, pieces = head.envelope, [data for entry, data in sections.items() if entry.name == "piece"]
    assert envelope.pieces
    params = envelope.params
    opened = zip(pieces, envelope.pieces, strict=True)
    return [Piece(MemorySection(data), rows, params.dimension, params.distance) for data, rows in opened][::-1]


def test_the_pieces_of_a_packed_index_read_as_they_were_written() -> None:
    envelope, (oldest, middle, newest) = frame.decode(golden.read("pieces"))[0].envelope, _pieces_of("pieces")
    kinds = ["piece", "piece", "piece", "parts", "columns", "rows", "graph"]
    assert [entry.name for entry in envelope.sections] == kinds
    assert (envelope.graph_rows, envelope.pieces, envelope.ids) == (60, [3, 17, 2], [])
    drawn = np.random.default_rng(71).normal(size=(82, 71)).astype(np.float32)
    for piece, first in ((oldest, 60), (middle, 62), (newest, 79)):
        assert piece.vectors.tobytes() == drawn[first : first + piece.rows].tobytes()
        assert piece.codes is not None
        expected = encode(piece.vectors, piece.mean, "cosine")
        assert piece.codes.planes.T.tolist() == expected.words.tolist()
        assert piece.codes.norms == pytest.approx(expected.norms, rel=1e-3)
        assert piece.codes.factors == pytest.approx(expected.factors, rel=1e-3)
        documents = piece.documents.read(range(piece.rows), NOTHING_TO_FETCH)
        assert [json.loads(bytes(each.metadata or b"null")) for each in documents] == [
            {"row": row} if row % 3 else None for row in range(first, first + piece.rows)
        ]
    sections = {entry.name: data for entry, data in frame.decode(golden.read("pieces"))[1].items()}
    mean = np.frombuffer(sections["parts"], "<f4", 71, 20)
    assert (newest.codes_about(mean), middle.codes_about(mean)) == (newest.codes, middle.codes)
    assert oldest.codes_about(mean) is None  # it has codes about the mean of its own rows
    assert middle.documents.ids([0, 1, 16], NOTHING_TO_FETCH) == ["row-05 é", "row-07 é", "row-76 é"]


def test_an_index_with_pieces_reads_as_it_was_written() -> None:
    drawn = np.random.default_rng(71).normal(size=(82, 71)).astype(np.float32)
    numbers = [*range(62), 5, 7, *range(62, 79), 61]  # of the ids; the last row of an id is the live one
    row_of = {f"row-{number:02} é": row for row, number in enumerate(numbers) if row not in {33, 70}}
    index = decode.open_blob(golden.read("pieces"))
    rows = index.rows
    assert len(index) == len(row_of) == 77
    assert {each: rows.vectors[row].tobytes() for each, row in rows.row_of.items()} == {
        each: drawn[row].tobytes() for each, row in row_of.items()
    }
    assert {each: json.loads(bytes(raw)) for each, raw in rows.metadata.items()} == {
        each: {"row": row} for each, row in row_of.items() if row % 3
    }
    for vector_id, row in row_of.items():
        assert [(match.id, match.distance) for match in search.search(index, drawn[row], 1).matches] == [
            (vector_id, 0.0)
        ]


def test_an_index_of_pieces_alone_reads_as_it_was_written() -> None:
    drawn = np.random.default_rng(8).normal(size=(22, 5)).astype(np.float32)
    drawn[18:] *= np.float32(2.0**33)
    index = decode.open_blob(golden.read("pieces-unbuilt"))
    assert index.base is None
    assert list(index.rows.ids) == [f"row-{row:02} é" for row in range(22) if row != 3]
    assert index.rows.vectors.tobytes() == np.delete(drawn, 3, axis=0).tobytes()
    for row in (0, 17, 18, 21):
        best = search.search(index, drawn[row], 1).matches[0]
        assert (best.id, best.distance) == (f"row-{row:02} é", 0.0)


def test_a_copy_of_the_head_of_the_partitions_reads_as_it_was_written() -> None:
    head, sections = frame.decode(golden.read("parts-head"))
    data = {entry.name: bytes(data) for entry, data in sections.items()}
    kinds = ["parts-head", "piece", "piece", "parts", "columns", "rows", "graph"]
    assert [entry.name for entry in head.envelope.sections] == kinds
    copy = read_copy(memoryview(data["parts-head"]), len(data["parts-head"]), len(data["parts"]))
    assert data["parts"].startswith(bytes(copy))
    assert len(copy) == min(4_096, len(data["parts"]))
    index = decode.open_blob(golden.read("parts-head"))
    assert (len(index), index.body_start) == (63, head.body_start + len(data["parts-head"]))
    drawn = np.random.default_rng(12).normal(size=(64, 40)).astype(np.float32)
    assert [search.search(index, drawn[row], 1).matches[0].id for row in (7, 60, 63)] == [
        "row-07 é",
        "row-60 é",
        "row-63 é",
    ]


def test_a_piece_without_codes_reads_as_it_was_written() -> None:
    older, newest = _pieces_of("pieces-unbuilt")
    drawn = np.random.default_rng(8).normal(size=(22, 5)).astype(np.float32)
    drawn[18:] *= np.float32(2.0**33)
    assert older.vectors.tobytes() + newest.vectors.tobytes() == drawn.tobytes()
    assert older.codes is not None
    assert (newest.codes, newest.mean.tolist()) == (None, [0.0] * 5)
    assert newest.documents.ids([0, 3], NOTHING_TO_FETCH) == ["row-18 é", "row-21 é"]
