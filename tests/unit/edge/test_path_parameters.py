"""Which ids a path may have, and that no gateway with one faithful form of the path makes an id another one."""

import re
from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support import gateways
from tests.support.api import encoded
from tests.support.gateways import DECODERS, FAITHFUL
from vectord.edge import request as events
from vectord.edge.path_parameters import ID_PATTERN
from vectord.errors import RequestInvalid, RouteNotFound
from vectord.service.values.options import Deadline

ROUTE = "DELETE /indexes/{name}/vectors/{id+}"
ids = st.text(st.sampled_from("ab/%?#+.&=;: 25F3Aé\\\x00\n\ufffd") | st.characters(codec="utf-8"), min_size=1)


def addressed(event: Mapping[str, Any]) -> str | None:
    """Return the id that a request addresses; None if it is refused."""
    try:
        request = events.read(event, [ROUTE], Deadline(0))
        request.check_path()
    except (RequestInvalid, RouteNotFound):
        return None
    return request.path["id"]


@given(vector_id=ids)
@example("a?b")
@example("50%")
@example("a%3Fb")
@example("a%252Fb")
@example("a#b")
@example("/a//b/")
@example("a/../b")
@example("a+b c")
@settings(max_examples=300, deadline=None)
@pytest.mark.slow
def test_a_request_addresses_the_id_of_its_client_or_is_refused(vector_id: str) -> None:
    for decode_path, decode_parameter in product(DECODERS, DECODERS):
        if decode_path in FAITHFUL or decode_parameter in FAITHFUL:
            event = gateways.event(ROUTE, f"/indexes/t/vectors/{encoded(vector_id)}", decode_path, decode_parameter)
            assert addressed(event) in {vector_id, None}, (decode_path, decode_parameter)


@given(vector_id=ids)
@example("a%20b")
@example("a?b")
@settings(max_examples=300, deadline=None)
def test_behind_the_default_route_too(vector_id: str) -> None:
    for decode in FAITHFUL:
        event = gateways.event(ROUTE, f"/indexes/t/vectors/{encoded(vector_id)}", decode, decode)
        assert addressed({**event, "routeKey": "$default", "pathParameters": None}) in {vector_id, None}, decode


@pytest.mark.parametrize(
    "vector_id", ["a", "a/b", "a b", "a+b", ".a", "..a", "...", "a.", "ü 漢字", "~!@$^*()[]:;=&',\\\"", "a/.b/..c"]
)
def test_an_id_that_keeps_its_characters_is_addressed(vector_id: str) -> None:
    event = gateways.event(ROUTE, f"/indexes/t/vectors/{encoded(vector_id)}", gateways.once, gateways.once)
    assert addressed(event) == vector_id


@pytest.mark.parametrize(
    "vector_id",
    ["%", "a%41", "?", "#", "//", "/a", "a/", ".", "..", "a/..", "./a", "a/../b", "\x00", "a\n", "\x7f", "\ufffd"],
)
def test_an_id_that_a_gateway_could_change_does_not_match_the_pattern(vector_id: str) -> None:
    assert re.fullmatch(ID_PATTERN, vector_id) is None


def test_the_pattern_needs_linear_time() -> None:
    assert re.search(ID_PATTERN, "../" * 100_000) is None
    assert re.search(ID_PATTERN, "..a" * 100_000 + "/") is None
