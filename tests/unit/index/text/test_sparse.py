"""A sparse vector in metadata: what is one, why other values are none, and its postings."""

from typing import Any

import numpy as np
import pytest

from vectord.index.text.sparse import SparseInvalid, of_lists, postings_of, sparse_at, values_of
from vectord.lhv1.text_fields import MAX_INDICES


def test_indices_ascend_with_their_values_as_float32() -> None:
    found = of_lists([2**32 - 1, 0, 7], [1, -0.1, 1e-3])
    assert (found.indices.dtype, found.indices.tolist()) == (np.uint32, [0, 7, 2**32 - 1])
    assert (found.values.dtype, found.values.tolist()) == (np.float32, np.float32([-0.1, 1e-3, 1]).tolist())


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([1, 2], "exactly 'indices' and 'values'"),
        ({"indices": [1]}, "exactly 'indices' and 'values'"),
        ({"indices": [1], "values": [1], "more": 1}, "exactly 'indices' and 'values'"),
        ({"indices": {"a": 1}, "values": [1]}, "arrays"),
        ({"indices": [1, 2], "values": [1]}, "2 indices and 1 values"),
        ({"indices": [], "values": []}, "1 to 4,096, not 0"),
        ({"indices": [*range(MAX_INDICES + 1)], "values": [1] * (MAX_INDICES + 1)}, "not 4,097"),
        ({"indices": [0, -1], "values": [1, 1]}, r"\.indices\[1\]"),
        ({"indices": [2**32], "values": [1]}, r"\.indices\[0\]"),
        ({"indices": [1.0], "values": [1]}, r"\.indices\[0\]"),
        ({"indices": [True], "values": [1]}, r"\.indices\[0\]"),
        ({"indices": ["1"], "values": [1]}, r"\.indices\[0\]"),
        ({"indices": [3, 1, 3], "values": [1, 1, 1]}, "3 more than once"),
        ({"indices": [1, 2], "values": [1, "2"]}, r"\.values\[1\] must be a number"),
        ({"indices": [1, 2], "values": [1, True]}, r"\.values\[1\] must be a number"),
        ({"indices": [1, 2], "values": [1, 0]}, r"\.values\[1\] must be finite and not 0"),
        ({"indices": [1, 2], "values": [1, -0.0]}, r"\.values\[1\]"),
        ({"indices": [1, 2], "values": [1e-60, 1]}, r"\.values\[0\]"),
        ({"indices": [1, 2], "values": [1, 1e39]}, r"\.values\[1\]"),
        ({"indices": [1], "values": [10**400]}, "float32 cannot represent"),
    ],
)
def test_another_value_is_no_sparse_vector(value: Any, reason: str) -> None:
    with pytest.raises(SparseInvalid, match=reason):
        sparse_at({"a": value}, "a")


ONE = {"indices": [5], "values": [2.0]}


@pytest.mark.parametrize(
    ("metadata", "has"),
    [
        ({"of": {"second": ONE}}, True),
        ({"of.second": ONE}, True),
        ({"of": {"second": None}}, False),
        ({"of": [{"second": ONE}]}, False),
        ({"of": "second"}, False),
        ([ONE], False),
        (None, False),
    ],
)
def test_a_name_is_a_path_of_keys(metadata: Any, has: bool) -> None:
    assert (sparse_at(metadata, "of.second") is not None) == has


def test_a_path_that_leads_to_two_values_is_refused() -> None:
    with pytest.raises(SparseInvalid, match="2 places"):
        sparse_at({"of": {"second": ONE}, "of.second": ONE}, "of.second")


def test_postings_have_indices_as_terms_and_the_bits_of_values_as_counts() -> None:
    found = postings_of([None, of_lists([256, 1], [0.5, 2]), of_lists([256], [-3])])
    assert list(found.terms) == [b"\0\0\0\1", b"\0\0\1\0"]
    assert (found.starts.tolist(), found.rows.tolist()) == ([0, 1, 3], [1, 1, 2])
    assert values_of(found.counts, 3).tolist() == [2, 0.5, -3]
    assert (found.lengths.tolist(), found.sparse) == ([0, 0, 0], True)


def test_rows_without_sparse_vectors_have_no_postings() -> None:
    found = postings_of([None, None])
    assert (list(found.terms), found.starts.tolist(), len(found.rows)) == ([], [0], 0)
