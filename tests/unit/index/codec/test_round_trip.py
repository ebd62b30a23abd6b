"""A blob is read back as it was encoded: vectors bit for bit, ids, parameters and commits."""

import numpy as np
import pytest

from tests.support import vectors as v
from tests.support.vectors import item
from vectord.index.codec import decode, encode

BITS = [
    pytest.param([-0.0, 1.0], id="negative zero"),
    pytest.param([1e-45, 3e-39], id="subnormal"),
    pytest.param([3.4028235e38, -3.4028235e38], id="largest"),
    pytest.param([0.1, 1 / 3], id="no short decimal"),
]


@pytest.mark.parametrize("components", BITS)
@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_a_vector_is_read_back_bit_for_bit(components: list[float], distance: str) -> None:
    index = v.with_items(v.empty(2, distance), [item("a", components)])
    assert v.reopened(index).rows.vectors[0].tobytes() == v.f32(components).tobytes()


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@pytest.mark.parametrize("rows", [1, 2, 3, 40, 500])
def test_all_vectors_are_read_back_bit_for_bit_in_their_order(distance: str, rows: int) -> None:
    matrix = np.random.default_rng(rows).standard_normal((rows, 5)).astype(np.float32)
    index = v.reopened(v.of_matrix(matrix, distance))
    assert index.rows.vectors.tobytes() == matrix.tobytes()
    assert list(index.rows.ids) == [str(row) for row in range(rows)]


ODD = ["a/b", "%2F", "%252F", "+", " ", "\x00", "\n", '"', "\\", "ü", "u\u0308", "😀", "\u2028", "\ufeff", "x" * 1024]


def test_odd_ids_are_kept_apart_and_read_back() -> None:
    index = v.reopened(v.with_items(v.empty(), [item(name, [1, i], name) for i, name in enumerate(ODD)]))
    assert list(index.rows.ids) == ODD
    assert v.metadata(index) == {name: name for name in ODD}


def test_parameters_are_read_back_with_the_name_they_were_written_under() -> None:
    index = v.empty(3, "euclidean", m=7, ef_search=9)
    opened = decode.open_blob(encode.encode(index, "another", "a-commit").blob)
    assert (opened.params.name, opened.params.dimension, opened.params.m) == ("another", 3, 7)
    assert (opened.params.ef_search, opened.params.distance) == (9, "euclidean")


def test_a_blob_records_the_commits_that_led_to_it() -> None:
    index = v.sealed(v.sealed(v.empty(), "first"), "second")
    opened = v.reopened(index)
    assert all(opened.has_applied(token) for token in ("first", "second", "a-commit"))
    assert not opened.has_applied("third")


def test_a_blob_records_only_the_newest_commits() -> None:
    index = v.empty()
    for number in range(100):
        index = v.sealed(index, f"commit-{number}")
    known = [number for number in range(100) if index.has_applied(f"commit-{number}")]
    assert known == list(range(68, 100))


def test_equal_rows_of_one_commit_give_equal_bytes() -> None:
    matrix = np.random.default_rng(1).standard_normal((200, 8))
    first, second = (encode.encode(v.of_matrix(matrix, "cosine"), "t", "a-commit").blob for _ in range(2))
    assert first == second


def test_the_size_of_an_index_is_that_of_its_blob() -> None:
    encoded = encode.encode(v.with_items(v.empty(), [item("a", [1, 0])]), "t", "a-commit")
    assert encoded.size == decode.open_blob(encoded.blob).size == len(encoded.blob)
