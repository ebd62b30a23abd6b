"""A batch in columns has the same rows and errors as the same batch of entries."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectord.errors import BadItem, BatchInvalid
from vectord.index import mutations, state
from vectord.index.state import Index
from vectord.lhv1.params import Distance, Params, new_params
from vectord.readers.matrix import EntryMatrix
from vectord.service.values import validation

IDS = ["a", "b", "c", "é", "x" * 1_024]
TEXTS = st.sampled_from([None, msgspec.Raw(b"{}"), msgspec.Raw(b'{"n":1}')])
COMPONENTS = st.sampled_from([0.0, 1.0, -1.0, 1e-40, 3e38, float("nan"), float("inf")])
ROWS = st.lists(st.tuples(st.sampled_from([*IDS, "", "é" * 513]), COMPONENTS, TEXTS), min_size=1, max_size=6)


def params(distance: Distance = "cosine") -> Params:
    return new_params("t", 2, distance=distance)


def matrix(*rows: tuple[str, float, msgspec.Raw | None]) -> EntryMatrix:
    """Return rows (id, both components, metadata) as a batch."""
    return EntryMatrix([row[0] for row in rows], vectors(*(row[1] for row in rows)), [row[2] for row in rows])


def vectors(*components: float) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.array([[component, component] for component in components], np.float32)


def content(index: Index) -> list[tuple[str, bytes, bytes | None]]:
    rows = index.rows
    return [
        (one, vector.tobytes(), None if (text := rows.metadata.get(one)) is None else bytes(text))
        for one, vector in zip(rows.ids, rows.vectors, strict=True)
    ]


@given(ROWS, ROWS, st.sampled_from(["cosine", "euclidean"]))
def test_columns_change_an_index_as_entries_do(
    stored: list[tuple[str, float, msgspec.Raw | None]],
    added: list[tuple[str, float, msgspec.Raw | None]],
    distance: Distance,
) -> None:
    index = state.empty_index(params(distance))
    for rows in (stored, added):
        batch = matrix(*rows)
        try:
            expected = mutations.upsert(index, validation.validated_items(list(batch), index.params))
        except BatchInvalid as error:
            with pytest.raises(BatchInvalid) as caught:
                validation.validated_matrix(batch, index.params)
            assert caught.value.items == error.items
            continue
        found = mutations.upsert_rows(index, validation.validated_matrix(batch, index.params))
        assert (content(found[0]), found[1:]) == (content(expected[0]), expected[1:])
        index = found[0]


def test_a_row_that_could_not_be_decoded_refuses_the_batch() -> None:
    bad = {1: BadItem(1, "b", "metadata is not valid")}
    with pytest.raises(BatchInvalid) as caught:
        validation.validated_matrix(EntryMatrix(["a", "b"], vectors(1, 1), None, bad), params())
    assert caught.value.items == (bad[1],) or list(caught.value.items) == [bad[1]]


def test_a_matrix_of_another_dimension_is_refused_for_each_row() -> None:
    with pytest.raises(BatchInvalid) as caught:
        validation.validated_matrix(EntryMatrix(["a", "b"], np.ones((2, 3), np.float32)), params())
    assert [item.position for item in caught.value.items] == [0, 1]


def test_vectors_of_distinct_ids_are_not_copied() -> None:
    given_vectors = vectors(1, 2)
    rows = validation.validated_matrix(EntryMatrix(["a", "b"], given_vectors), params())
    assert rows.vectors is given_vectors


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param((["a"], vectors(1, 2), None), id="fewer-ids"),
        pytest.param((["a", "b"], vectors(1, 2), [None]), id="fewer-texts"),
        pytest.param((["a"], np.ones((1, 2)), None), id="float64"),
        pytest.param((["a"], np.ones(2, np.float32), None), id="one-axis"),
    ],
)
def test_columns_that_do_not_fit_together_are_refused(columns: tuple[list[str], np.ndarray, None]) -> None:
    with pytest.raises(ValueError):
        EntryMatrix(*columns)
