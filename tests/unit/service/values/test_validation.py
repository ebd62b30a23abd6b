"""A batch is validated as a whole before any change, and every invalid item is named."""

from collections.abc import Iterator
from itertools import count

import msgspec
import numpy as np
import pytest

from tests.support.services import a_query
from tests.support.vectors import empty
from vectord.errors import BadItem, BatchInvalid, RequestInvalid
from vectord.index.query.query import check_vectors
from vectord.index.rows import Item
from vectord.lhv1.params import Distance, Params, new_params
from vectord.readers.entry import NewVector
from vectord.service.values import validation


def params(dimension: int = 2, distance: Distance = "cosine") -> Params:
    return new_params("t", dimension, distance=distance)


def entry(*components: float, vector_id: str = "a") -> NewVector:
    return NewVector(vector_id, np.array(components, np.float64))


def refusal(found: NewVector, index: Params) -> BadItem:
    with pytest.raises(BatchInvalid) as caught:
        validation.validated_items([found], index)
    (item,) = caught.value.items
    return item


def test_valid_items_become_float32() -> None:
    (item,) = validation.validated_items([entry(1, 0.1)], params())
    assert (item.vector.dtype, item.vector.tolist()) == (np.float32, np.array([1, 0.1], np.float32).tolist())


def test_an_invalid_item_refuses_the_batch_and_every_invalid_item_is_named() -> None:
    unreadable = BadItem(1, None, "cannot be read")
    with pytest.raises(BatchInvalid) as caught:
        validation.validated_items(
            [entry(1, 0), unreadable, entry(1, vector_id="short"), entry(0, 0, vector_id="zero")], params()
        )
    assert [(item.position, item.id) for item in caught.value.items] == [(1, None), (2, "short"), (3, "zero")]
    assert all(item.reason for item in caught.value.items)


@pytest.mark.parametrize("components", [[], [1], [1, 2, 3]])
def test_a_vector_of_another_dimension_is_invalid(components: list[float]) -> None:
    assert "2 components" in refusal(entry(*components), params()).reason


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@pytest.mark.parametrize("component", [1e39, -1e39, 3.5e38, float("inf"), float("nan")])
def test_a_component_that_is_not_finite_as_float32_is_invalid(distance: Distance, component: float) -> None:
    assert "component 1" in refusal(entry(1, component), params(2, distance)).reason


@pytest.mark.parametrize("components", [[0, 0], [-0.0, 0], [1e-46, 0]], ids=["zero", "minus zero", "rounds to zero"])
def test_a_zero_vector_is_invalid_only_with_cosine(components: list[float]) -> None:
    assert "zero" in refusal(entry(*components), params()).reason
    assert len(validation.validated_items([entry(*components)], params(2, "euclidean"))) == 1


@pytest.mark.parametrize("components", [[1e-45, 0], [1e20, 1e20], [3.4e38, 3.4e38]])
@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_the_smallest_and_the_largest_vectors_are_valid(distance: Distance, components: list[float]) -> None:
    assert len(validation.validated_items([entry(*components)], params(2, distance))) == 1


@pytest.mark.parametrize("vector_id", ["", "x" * 1_025, "ü" * 513])
def test_an_id_that_is_empty_or_too_long_in_utf8_is_invalid(vector_id: str) -> None:
    assert refusal(entry(1, 0, vector_id=vector_id), params()).id == vector_id


@pytest.mark.parametrize("vector_id", ["x", "x" * 1_024, "ü" * 512, " ", "\x00", "/"])
def test_any_other_text_is_a_valid_id(vector_id: str) -> None:
    assert validation.validated_items([entry(1, 0, vector_id=vector_id)], params())[0].id == vector_id


@pytest.mark.parametrize("components", [[1], [1, 1e39], [0, 0]])
def test_a_query_is_validated_by_the_same_rules(components: list[float]) -> None:
    with pytest.raises(RequestInvalid):
        check_vectors(a_query(np.array(components, np.float64), 1), params())


@pytest.mark.parametrize("place", [0, 1, 127, 128, 300])
@pytest.mark.parametrize(
    "bad", [entry(1), entry(1, 1e39), entry(0, 0), entry(1, 0, vector_id=""), BadItem(7, "b", "no")], ids=repr
)
def test_an_invalid_item_anywhere_in_a_large_batch_is_found(place: int, bad: NewVector | BadItem) -> None:
    entries = [entry(1, position, vector_id=str(position)) for position in range(300)]
    with pytest.raises(BatchInvalid) as caught:
        validation.validated_items([*entries[:place], bad, *entries[place:]], params())
    (item,) = caught.value.items
    assert (item.position, item.id) == (7 if isinstance(bad, BadItem) else place, bad.id)


def test_a_large_batch_keeps_its_order_and_its_bits_in_either_width() -> None:
    wide = np.random.default_rng(0).standard_normal((300, 2))
    vectors = [row.astype(np.float32) if position % 3 else row for position, row in enumerate(wide)]
    items = validation.validated_items([NewVector(str(i), vector) for i, vector in enumerate(vectors)], params())
    assert [item.id for item in items] == [str(i) for i in range(300)]
    assert np.array_equal(np.array([item.vector for item in items]), wide.astype(np.float32))
    assert {item.vector.dtype for item in items} == {np.dtype(np.float32)}


class TestRowsOfAFile:
    def test_reading_stops_at_the_most_bad_rows(self) -> None:
        taken: list[int] = []

        def rows() -> Iterator[NewVector]:
            for number in range(100_000):
                taken.append(number)
                yield NewVector("a", np.ones(5, np.float32), None, number)

        with pytest.raises(BatchInvalid) as invalid:
            validation.validated_rows(rows(), new_params("t", 2), 1_000, lambda: None)
        assert [item.position for item in invalid.value.items] == list(range(1_000))
        assert len(taken) < 1_200

    def test_bad_rows_before_and_after_good_ones_are_all_listed(self) -> None:
        good, bad = NewVector("a", np.ones(2, np.float32), None, 7), BadItem(3, None, "bad")
        with pytest.raises(BatchInvalid) as invalid:
            validation.validated_rows([bad, *[good] * 500, bad], new_params("t", 2), 1_000, lambda: None)
        assert invalid.value.items == (bad, bad)

    def test_the_texts_of_a_bad_row_are_cut(self) -> None:
        with pytest.raises(BatchInvalid) as invalid:
            validation.validated_rows(
                [BadItem(0, "i" * 5_000_000, "r" * 5_000_000)], new_params("t", 2), 1_000, lambda: None
            )
        assert [(len(item.id or ""), len(item.reason)) for item in invalid.value.items] == [(1_000, 1_000)]

    def test_the_time_is_checked_while_rows_are_read(self) -> None:
        def stop() -> None:
            raise TimeoutError

        rows = (NewVector(str(number), np.ones(2, np.float32), None, number) for number in count())
        with pytest.raises(TimeoutError):
            validation.validated_rows(rows, new_params("t", 2), 1_000, stop)

    def test_the_time_is_checked_after_each_row_with_large_metadata(self) -> None:
        read: list[int] = []
        metadata = msgspec.Raw(b'"' + b"x" * 2_000_000 + b'"')

        def rows() -> Iterator[NewVector]:
            for number in range(100):
                read.append(number)
                yield NewVector(str(number), np.ones(2, np.float32), metadata, number)

        def stop() -> None:
            raise TimeoutError

        with pytest.raises(TimeoutError):
            validation.validated_rows(rows(), new_params("t", 2), 1_000, stop)
        assert len(read) == 2


def test_the_time_is_checked_between_two_files_of_a_group() -> None:
    rows = validation.Add(items=[Item("a", np.ones(2, np.float32), None)])
    files = [validation.FileRows(f"uploads/t/{number}.jsonl", "01", rows) for number in range(3)]
    checks: list[None] = []
    validation.AddFiles(files, 2, "cosine").apply(empty(), "t", lambda: checks.append(None))
    assert len(checks) == 2
