"""The parameters of a new index: names, ranges and defaults."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectord.errors import RequestInvalid
from vectord.lhv1.params import Params, new_params


def test_defaults() -> None:
    assert new_params("t", 3) == Params("t", 3, m=16, ef_search=20, distance="cosine")


@pytest.mark.parametrize("value", [0, -1, -(10**18)])
def test_zero_and_negative_numbers_mean_the_defaults(value: int) -> None:
    assert new_params("t", 3, m=value, ef_search=value) == new_params("t", 3)


def test_given_values_are_used() -> None:
    assert new_params("t", 3, m=7, ef_search=9, distance="euclidean") == Params("t", 3, 7, 9, "euclidean")


@pytest.mark.parametrize("name", ["a", "Z", "0", "_", "-", "a.b", "a..b", "x" * 128])
def test_a_valid_name_is_accepted(name: str) -> None:
    assert new_params(name, 3).name == name


@pytest.mark.parametrize("name", ["", ".", ".a", "a/b", "a b", "ä", "a\n", "\na", "a\x00", "x" * 129, "a%2F"])
def test_an_invalid_name_is_refused(name: str) -> None:
    with pytest.raises(RequestInvalid, match="name"):
        new_params(name, 3)


@given(st.text(max_size=130))
def test_a_name_is_valid_if_and_only_if_it_follows_the_documented_rule(name: str) -> None:
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
    good = 1 <= len(name) <= 128 and set(name) <= allowed and not name.startswith(".")
    if good:
        assert new_params(name, 3).name == name
    else:
        with pytest.raises(RequestInvalid):
            new_params(name, 3)


@pytest.mark.parametrize("dimension", [1, 4_096])
def test_a_dimension_at_the_limit_is_accepted(dimension: int) -> None:
    assert new_params("t", dimension).dimension == dimension


@pytest.mark.parametrize("dimension", [0, -1, 4_097, 10**18])
def test_a_dimension_out_of_range_is_refused(dimension: int) -> None:
    with pytest.raises(RequestInvalid, match="dimension"):
        new_params("t", dimension)


@pytest.mark.parametrize("field", ["m", "ef_search"])
def test_the_error_names_the_parameter_that_is_too_large(field: str) -> None:
    with pytest.raises(RequestInvalid, match=field):
        new_params("t", 3, **{field: 10**9})


@pytest.mark.parametrize("distance", ["dot", "Cosine", "l2", " "])
def test_an_unknown_distance_is_refused(distance: str) -> None:
    with pytest.raises(RequestInvalid, match="distance"):
        new_params("t", 3, distance=distance)
