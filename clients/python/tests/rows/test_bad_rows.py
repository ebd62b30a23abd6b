"""A row whose id, vector or metadata is not valid is refused with its position, its id and the reason."""

import math

import numpy as np
import pandas as pd
import pytest

from vectord_client.rows.block import InvalidRows
from vectord_client.rows.forms import add_blocks

MISSING = ", which JSON cannot represent; leave it out or use None"


def refused(*args, **kwargs) -> list[tuple[int, str | None, str]]:
    with pytest.raises(InvalidRows) as caught:
        add_blocks(*args, **kwargs)
    return [(row.position, row.id, row.reason) for row in caught.value.errors]


@pytest.mark.parametrize(
    ("vector", "reason"),
    [
        ([1, math.nan], "component 1 is NaN"),
        ([math.inf, 1], "component 0 is infinite, or too large for float32"),
        ([1, 1e300], "component 1 is infinite, or too large for float32"),
        ([1, 2, 3], "the vector has 3 components, and the first row has 2"),
        ([], "the vector has no components"),
        (None, "the vector is missing"),
        ([1, None], "component 1 is missing"),
        ([1, "2"], "component 1 is '2', a str, not a number"),
        ([[1, 2]], "component 0 is a list: this is a matrix, not a vector"),
        ([True, False], "the vector has components that are booleans, not numbers"),
        (b"12345678", "the vector is bytes; wrap float32 as memoryview(value).cast('f'), or send it as base64 text"),
        ("not base64", "the vector is text, but not base64 of little-endian float32"),
        (np.array([1, np.nan]), "component 1 is NaN"),
        (np.array([1, 2], complex), "the array has dtype complex128; convert it to float32 with .astype('float32')"),
        (np.array([1, 2], bool), "the array has dtype bool; convert it to float32 with .astype('float32')"),
        (np.array([[1, 2]]), "the array has 2 axes, and a vector has 1"),
        (np.ma.array([1, 2], mask=[0, 1]), "the array is masked: it has missing components"),
        (object(), "the vector is a object, not a sequence of numbers"),
    ],
)  # fmt: skip
def test_a_bad_vector_is_refused_with_its_position_and_reason(vector: object, reason: str) -> None:
    assert refused([("good", [1, 2]), ("bad", vector)]) == [(1, "bad", reason)]


def test_every_bad_row_of_a_matrix_is_named() -> None:
    matrix = np.ones((5_000, 64), np.float32)
    matrix[7, 3], matrix[4_999, 63] = np.nan, np.inf
    found = refused(ids=[f"r{row}" for row in range(5_000)], vectors=matrix)
    assert found == [
        (7, "r7", "component 3 is NaN"),
        (4_999, "r4999", "component 63 is infinite, or too large for float32"),
    ]


@pytest.mark.parametrize(
    ("row_id", "start"),
    [
        (5, "the id is 5, an int; an id must be text. Convert ids: str(id)"),
        (None, "the id is missing"),
        (math.nan, "the id is missing"),
        (b"a", "the id is b'a', a bytes"),
        ("", "the id is empty"),
        ("é" * 513, "the id has 1,026 bytes of UTF-8, and the limit is 1,024"),
        ("\ud800", "the id has half a surrogate pair"),
    ],
)  # fmt: skip
def test_a_bad_id_is_refused_with_what_to_do(row_id: object, start: str) -> None:
    [(position, _, reason)] = refused(ids=["good", row_id], vectors=[[1, 2], [3, 4]])
    assert (position, reason[: len(start)]) == (1, start)


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"score": math.nan}, "metadata.score is NaN (nan)" + MISSING),
        ({"s": {"t": [1, math.inf]}}, "metadata.s.t[1] is infinite, which JSON cannot represent"),
        ({"d": pd.NaT}, "metadata.d is a missing value (NaT)" + MISSING),
        ({"d": pd.NA}, "metadata.d is a missing value (<NA>)" + MISSING),
        ({"f": np.float32("nan")}, "metadata.f is NaN (np.float32(nan))" + MISSING),
        ({"a": np.array([1, np.nan])}, "metadata.a[1] is NaN (np.float64(nan))" + MISSING),
        ({(1, 2): 3}, "metadata has the key (1, 2), and keys of JSON are text"),
        ({"o": object}, "metadata has a type, which JSON cannot represent"),
        ({"t": "\ud800"}, "metadata has a text with half a surrogate pair, which UTF-8 cannot have"),
    ],
)  # fmt: skip
def test_metadata_that_json_cannot_represent_is_refused_with_its_path(metadata: object, reason: str) -> None:
    assert refused([("good", [1]), ("bad", [2], metadata)]) == [(1, "bad", reason)]
