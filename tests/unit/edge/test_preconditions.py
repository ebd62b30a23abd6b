"""If-Match and If-None-Match of a request: the versions of an index at which it may go on."""

from typing import Any

import pytest

from vectord.edge import request as events
from vectord.edge.request import Request
from vectord.errors import RequestInvalid
from vectord.service.results import NOTHING

ALL = ['"a"', '"b"', '"a,b"', NOTHING]


def request(**headers: str) -> Request:
    named: dict[str, Any] = {name.replace("_", "-"): value for name, value in headers.items()}
    return events.read({"routeKey": "GET /indexes", "headers": named}, ["GET /indexes"], until=0)


def allowed(**headers: str) -> list[str]:
    """Return those of ALL at which a request with these headers may go on."""
    found = request(**headers).preconditions
    return ALL if found is None else [etag for etag in ALL if etag in found]


def test_without_a_header_there_is_no_condition() -> None:
    assert request().preconditions is None
    assert request().expected is None


@pytest.mark.parametrize("name", ["If_Match", "if_match", "IF_MATCH"])
def test_a_header_is_found_however_its_name_is_spelled(name: str) -> None:
    assert allowed(**{name: '"a"'}) == ['"a"']


class TestIfMatch:
    @pytest.mark.parametrize("header", ["*", " * "])
    def test_of_a_star_allows_every_version_of_what_is_there(self, header: str) -> None:
        assert allowed(If_Match=header) == ['"a"', '"b"', '"a,b"']

    def test_of_a_star_holds_no_write_to_a_version(self) -> None:
        assert request(If_Match="*").expected is None

    @pytest.mark.parametrize("header", ['"a","b"', '"a", "b"', ' "a" ,"b" '])
    def test_lists_versions(self, header: str) -> None:
        assert allowed(If_Match=header) == ['"a"', '"b"']

    def test_keeps_a_comma_inside_a_version(self) -> None:
        assert allowed(If_Match='"a,b"') == ['"a,b"']

    @pytest.mark.parametrize("header", ["", "a", 'W/"a"', "none of these"])
    def test_without_a_strong_version_allows_none(self, header: str) -> None:
        assert allowed(If_Match=header) == []
        assert request(If_Match=header).expected is not None

    def test_leaves_weak_versions_out(self) -> None:
        assert allowed(If_Match='W/"a", "b"') == ['"b"']


class TestIfNoneMatch:
    def test_of_a_star_allows_nothing_that_is_there(self) -> None:
        assert allowed(If_None_Match="*") == [NOTHING]

    @pytest.mark.parametrize("header", ['"a","b"', 'W/"a", "b"', ' W/"a" ,W/"b" '])
    def test_lists_versions_that_it_does_not_allow_weak_ones_too(self, header: str) -> None:
        assert allowed(If_None_Match=header) == ['"a,b"', NOTHING]

    @pytest.mark.parametrize("header", ["", "a", "* , *", '"a" b', '"a', "W/*"])
    def test_of_anything_else_is_refused(self, header: str) -> None:
        with pytest.raises(RequestInvalid):
            allowed(If_None_Match=header)

    def test_holds_beside_if_match(self) -> None:
        assert allowed(If_Match='"a", "b"', If_None_Match='"b"') == ['"a"']
