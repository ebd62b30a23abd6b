"""Whatever a gateway does to a path, a request reaches the row that its client named, or no row."""

import string
from collections.abc import Iterable
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import gateways
from tests.support.api import Answer, Api, encoded
from tests.support.gateways import DECODERS, FAITHFUL, Decode

pytestmark = pytest.mark.slow

LOOKUP, DELETION = "GET /indexes/{name}/vectors/{id+}", "DELETE /indexes/{name}/vectors/{id+}"
INVALID = "urn:vectord:problem:request-invalid"
UNRESERVED = string.ascii_letters + string.digits + "._~-"
ROUTES = ("POST /indexes/{name}/vectors/get", "POST /indexes/{name}/vectors/delete")
EXAMPLES = [
    "a?b",
    "50%",
    "a%3Fb",
    "a%252Fb",
    "a#b",
    "a//b",
    "/a",
    "a/",
    "a/../b",
    "./a",
    "..",
    "a\ufffd",
    "a+b",
    "%",
    "?",
]

# A pair decodes the whole path and the parameters. If neither is faithful, an event can be that of another id.
TRACEABLE = [pair for pair in product(DECODERS, DECODERS) if not set(pair).isdisjoint(FAITHFUL)]
ids = st.sampled_from(EXAMPLES) | st.text(
    st.sampled_from("ab/%?#+.&=;:@ 25F3Aé\\\x00\n\ufffd") | st.characters(codec="utf-8"), min_size=1, max_size=9
)
pairs = st.sampled_from(TRACEABLE)
any_id = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=[1, 3], ids=["one object", "shards"])
def index(request: pytest.FixtureRequest, ephemeral: Api) -> Api:
    assert ephemeral.create(shards=request.param).status == 201
    return ephemeral


def like(vector_id: str) -> list[str]:
    """Return the id and all ids that some gateway makes of it, as far as they are ids."""
    changed = {decode(encoded(vector_id)) for decode in DECODERS} | {vector_id}
    return sorted(text for text in changed if 0 < len(text.encode()) <= 1_024)


def rows(api: Api) -> set[str]:
    return {row["id"] for row in api.send("GET", "/indexes/t/vectors", query={"limit": "1000"}).json["vectors"]}


def fill(api: Api, wanted: Iterable[str]) -> set[str]:
    """Let the index have exactly the `wanted` rows."""
    if old := rows(api):
        api.send("POST", "/indexes/t/vectors/delete", {"ids": sorted(old)})
    api.add(*({"id": vector_id, "vector": [1, 1]} for vector_id in wanted))
    return set(wanted)


def ask(api: Api, route: str, vector_id: str, pair: tuple[Decode, Decode]) -> Answer:
    return api.invoke(route, gateways.event(route, f"/indexes/t/vectors/{encoded(vector_id)}", *pair))


@given(vector_id=ids, pair=pairs)
@any_id
def test_a_lookup_returns_the_row_that_the_client_named_or_is_refused(
    index: Api, vector_id: str, pair: tuple[Decode, Decode]
) -> None:
    fill(index, like(vector_id))
    answer = ask(index, LOOKUP, vector_id, pair)
    assert answer.json.get("id") == vector_id if answer.status == 200 else 400 <= answer.status < 500


@given(vector_id=ids, pair=pairs)
@any_id
def test_a_deletion_deletes_the_row_that_the_client_named_or_is_refused(
    index: Api, vector_id: str, pair: tuple[Decode, Decode]
) -> None:
    before = fill(index, like(vector_id))
    answer = ask(index, DELETION, vector_id, pair)
    assert answer.status == 200 or 400 <= answer.status < 500
    assert rows(index) == before - ({vector_id} if answer.status == 200 else set())


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize("vector_id", [UNRESERVED, "row-1", "..."])
def test_an_id_of_unreserved_characters_passes_every_gateway(index: Api, decode: Decode, vector_id: str) -> None:
    fill(index, {vector_id, "other"})
    assert ask(index, LOOKUP, vector_id, (decode, decode)).json["id"] == vector_id
    assert ask(index, DELETION, vector_id, (decode, decode)).status == 200
    assert rows(index) == {"other"}


@given(vector_id=ids)
@any_id
def test_every_id_can_be_read_and_deleted_by_a_body(index: Api, vector_id: str) -> None:
    before = fill(index, like(vector_id))
    assert index.send("POST", "/indexes/t/vectors/get", {"ids": [vector_id]}).json["vectors"][0]["id"] == vector_id
    assert index.send("POST", "/indexes/t/vectors/delete", {"ids": [vector_id]}).json["deleted"] == 1
    assert rows(index) == before - {vector_id}


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("vector_id", ["50%", "a?b", "a#b", "a//b", "/a", "a/", "..", "a/./b", "a\nb", "a\ufffd"])
def test_an_id_that_cannot_be_sent_in_a_path_is_refused_with_the_routes_that_take_it(
    index: Api, method: str, vector_id: str
) -> None:
    before = fill(index, {vector_id})
    answer = index.send(method, f"/indexes/t/vectors/{encoded(vector_id)}")
    assert (answer.status, answer.json["type"]) == (422, INVALID)
    assert all(route in answer.json["detail"] for route in ROUTES)
    assert rows(index) == before


@pytest.mark.parametrize("route", [LOOKUP, DELETION])
@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/indexes/t/vectors/a?b", "a"),
        ("/indexes/t/vectors/a#b", "a"),
        ("/indexes/t/vectors/ab", "a"),
        ("/indexes/t/vectors/b/a", "a"),
        ("/indexes/t/vectors/a%20", "a "),
        ("/indexes/t/vectors/%61", "a"),
        ("/indexes/t/vectors/a/", "a"),
        ("/indexes/t//vectors/a", "a"),
        ("/indexes/u/vectors/a", "a"),
        ("/indexes/t/vectors/", "a"),
        ("/indexes/u/vectors/indexes/t/vectors/a", "a"),
    ],
)
@pytest.mark.parametrize("place", ["rawPath", "requestContext.http.path"])
def test_a_path_that_differs_from_its_parameters_is_refused(
    index: Api, route: str, path: str, parameter: str, place: str
) -> None:
    before = fill(index, {"a", "a "})
    event = gateways.event(route, "/indexes/t/vectors/x", gateways.once, gateways.once)
    event["pathParameters"] = {"name": "t", "id": parameter}
    written = f"/indexes/t/vectors/{parameter}"
    event["rawPath"] = path if place == "rawPath" else written
    event["requestContext"]["http"]["path"] = written if place == "rawPath" else path
    answer = index.invoke(route, event)
    assert (answer.status, answer.json["type"]) == (422, INVALID)
    assert rows(index) == before


@pytest.mark.parametrize("prefix", ["/prod", "/v1", "/team/vectors-1", "/$default"])
def test_a_stage_or_a_path_mapping_before_the_route_is_accepted(index: Api, prefix: str) -> None:
    fill(index, {"a/b"})
    event = gateways.event(LOOKUP, "/indexes/t/vectors/a%2Fb", gateways.once, gateways.once)
    event["rawPath"] = event["requestContext"]["http"]["path"] = f"{prefix}/indexes/t/vectors/a/b"
    event["requestContext"]["stage"] = "prod"
    assert index.invoke(LOOKUP, event).json["id"] == "a/b"


def test_a_stage_may_have_the_name_of_a_resource(index: Api) -> None:
    event = gateways.event("GET /indexes/{name}", "/indexes/t", gateways.once, gateways.once)
    event["rawPath"], event["requestContext"]["stage"] = "/indexes/indexes/t", "indexes"
    assert index.invoke("GET /indexes/{name}", event).status == 200


WITH_A_PARAMETER_AT_THE_END: list[tuple[str, str, str | None]] = [
    ("DELETE /indexes/{name}", "/indexes/t", None),
    ("PUT /indexes/{name}", "/indexes/t", '{"dimension": 2}'),
    ("GET /indexes/{name}", "/indexes/t", None),
    (DELETION, "/indexes/t/vectors/a", None),
    (LOOKUP, "/indexes/t/vectors/a", None),
]


@pytest.mark.parametrize(("route", "path", "body"), WITH_A_PARAMETER_AT_THE_END)
@pytest.mark.parametrize("query", ["b", "b=1", "b=1&c=2"])
@pytest.mark.parametrize("parsed", [True, False], ids=["parsed", "raw"])
def test_what_follows_an_unescaped_question_mark_is_refused(
    index: Api, route: str, path: str, body: str | None, query: str, *, parsed: bool
) -> None:
    before = fill(index, {"a", "a?b"})
    event = gateways.event(route, path, gateways.once, gateways.once, query)
    if parsed:
        event["queryStringParameters"] = {"b": query.partition("=")[2]}
    event["body"] = body
    answer = index.invoke(route, event)
    assert (answer.status, answer.json["type"]) == (422, INVALID)
    assert rows(index) == before


@pytest.mark.parametrize("sent", ["t%3Fu", "t%23u", "t%2525", "t%2Fu", "t%20", "t%00", "t+", "./t"])
@pytest.mark.parametrize("route", ["DELETE /indexes/{name}", "POST /indexes/{name}/vectors/delete"])
def test_a_name_that_was_cut_to_that_of_another_index_does_not_reach_it(index: Api, route: str, sent: str) -> None:
    before = fill(index, {"a"})
    for path in FAITHFUL:
        event = gateways.event(route, route.partition(" ")[2].replace("{name}", sent), path, gateways.once)
        event["pathParameters"], event["body"] = {"name": "t"}, '{"ids": ["a"]}'
        answer = index.invoke(route, event)
        assert (answer.status, answer.json["type"]) == (422, INVALID)
    assert rows(index) == before
