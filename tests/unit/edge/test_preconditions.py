"""If-Match, If-None-Match and Idempotency-Key of a request."""

from typing import Any

import pytest

from vectord.edge import request as events
from vectord.edge.request import Request
from vectord.errors import RequestInvalid
from vectord.service.values.options import NO_INDEX_ETAG, Deadline

ALL = ['"a"', '"b"', '"a,b"', NO_INDEX_ETAG]


def request(**headers: str) -> Request:
    named: dict[str, Any] = {name.replace("_", "-"): value for name, value in headers.items()}
    return events.read({"routeKey": "GET /indexes", "headers": named}, ["GET /indexes"], deadline=Deadline(0))


def allowed(**headers: str) -> list[str]:
    """Return the ETags of ALL at which a request with these headers may proceed."""
    preconditions = request(**headers).preconditions
    return ALL if preconditions is None else [etag for etag in ALL if etag in preconditions]


def test_without_headers_there_are_no_preconditions() -> None:
    assert request().preconditions is None
    assert request().delete_options.precondition is None


@pytest.mark.parametrize("name", ["If_Match", "if_match", "IF_MATCH"])
def test_names_of_headers_are_case_insensitive(name: str) -> None:
    assert allowed(**{name: '"a"'}) == ['"a"']


class TestIfMatch:
    @pytest.mark.parametrize("header", ["*", " * "])
    def test_star_allows_every_existing_state(self, header: str) -> None:
        assert allowed(If_Match=header) == ['"a"', '"b"', '"a,b"']

    def test_star_does_not_restrict_a_write_to_an_existing_index(self) -> None:
        assert request(If_Match="*").delete_options.precondition is None

    @pytest.mark.parametrize("header", ['"a","b"', '"a", "b"', ' "a" ,"b" '])
    def test_allows_the_etags_of_its_list(self, header: str) -> None:
        assert allowed(If_Match=header) == ['"a"', '"b"']

    def test_keeps_a_comma_inside_an_etag(self) -> None:
        assert allowed(If_Match='"a,b"') == ['"a,b"']

    @pytest.mark.parametrize("header", ["", "a", 'W/"a"', "none of these"])
    def test_without_a_strong_etag_allows_none(self, header: str) -> None:
        assert allowed(If_Match=header) == []
        assert request(If_Match=header).delete_options.precondition is not None

    def test_ignores_weak_etags(self) -> None:
        assert allowed(If_Match='W/"a", "b"') == ['"b"']


class TestIfNoneMatch:
    def test_star_allows_only_an_index_that_does_not_exist(self) -> None:
        assert allowed(If_None_Match="*") == [NO_INDEX_ETAG]

    @pytest.mark.parametrize("header", ['"a","b"', 'W/"a", "b"', ' W/"a" ,W/"b" '])
    def test_excludes_the_etags_of_its_list_including_weak_ones(self, header: str) -> None:
        assert allowed(If_None_Match=header) == ['"a,b"', NO_INDEX_ETAG]

    @pytest.mark.parametrize("header", ["", "a", "* , *", '"a" b', '"a', "W/*"])
    def test_any_other_text_is_refused(self, header: str) -> None:
        with pytest.raises(RequestInvalid):
            allowed(If_None_Match=header)

    def test_applies_together_with_if_match(self) -> None:
        assert allowed(If_Match='"a", "b"', If_None_Match='"b"') == ['"a"']


class TestIdempotencyKey:
    def test_is_none_without_the_header(self) -> None:
        assert request().write_options.key is None

    @pytest.mark.parametrize("text", ["k", "!~", "x" * 255])
    def test_is_visible_ascii(self, text: str) -> None:
        key = request(Idempotency_Key=text).write_options.key
        assert key is not None
        assert key.text == text

    @pytest.mark.parametrize("text", ["", "two words", "ü", "x" * 256, "\n"])
    def test_of_any_other_text_is_refused(self, text: str) -> None:
        with pytest.raises(RequestInvalid, match="Idempotency-Key"):
            assert request(Idempotency_Key=text).write_options.key

    def test_has_the_same_hash_for_the_same_request_only(self) -> None:
        def digest(body: str, name: str = "t") -> str:
            route = "GET /indexes/{name}"
            event = {
                "routeKey": route,
                "pathParameters": {"name": name},
                "headers": {"Idempotency-Key": "k"},
                "body": body,
            }
            key = events.read(event, [route], deadline=Deadline(0)).write_options.key
            assert key is not None
            return key.request

        assert digest("{}") == digest("{}")
        assert len({digest("{}"), digest("[]"), digest("{}", name="u")}) == 3
