"""The policies of docs/access.md and docs/s3vectors.md, as they are printed, allow and deny what the pages say.

MiniStack evaluates `execute-api:Invoke` for the ARN of the method and the decoded path of each request.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing

import pytest

from tests.e2e.inbox import eventually
from tests.e2e.logs import lines_of
from tests.support import template
from tests.support.api import load
from tests.support.pages import text_of
from tools.command import interrupts
from tools.command.run import scratch_folder
from tools.stack.client import Client, Json, signer
from tools.stack.ministack import HOST
from tools.stack.stack import OPEN, Stack, running_stack, session

PRINTED = "us-east-1:123456789012:a1b2c3d4e5"


def printed(page: str) -> Mapping[str, Json]:
    """Return the policies of a page by the Sid of their statement."""
    examples = map(json.loads, re.findall(r"```json\n(.*?)```", text_of(page), re.DOTALL))
    return {policy["Statement"][0]["Sid"]: policy for policy in examples if "Statement" in policy}


POLICIES, S3_VECTORS = printed("docs/access.md"), printed("docs/s3vectors.md")
RIGHTS = {route: load(folder).ROUTES[route].right for route, folder in template.routes().items() if "{name}" in route}
LEVELS = ["read", "write", "admin"]
ALL_INDEXES = {"POST /indexes/{name}/copy"}  # its body names a second index
NAMES = ["films", "films-2", "team-a-1", "team-a"]


def filled(path: str, name: str) -> str:
    """Return a path of the template with values for its variables."""
    return path.replace("{name}", name).replace("{id+}", "x").replace("{token}", "0" * 32)


def is_for(sid: str, name: str) -> bool:
    return sid == "Administrator" or (name.startswith("team-a-") if sid == "WriterOfTeamA" else name == "films")


HELD = {"ReaderOfFilms": "read", "WriterOfTeamA": "write", "Administrator": "admin"}


@pytest.fixture(scope="module")
def guarded() -> Iterator[Stack]:
    interrupts.install()
    by_default = {name: value for name, value in OPEN.items() if name != "Authorization"}
    with scratch_folder() as folder, running_stack(folder, by_default, enforce=True) as started:
        yield started


@pytest.fixture(scope="module")
def clients(guarded: Stack) -> Iterator[Mapping[str, Client]]:
    """A client for each policy of both pages."""
    made = {sid: user(guarded, sid, policy) for sid, policy in {**POLICIES, **S3_VECTORS}.items()}
    yield made
    for client in made.values():
        client.close()


def user(stack: Stack, name: str, policy: Json) -> Client:
    """Return a client with the key of a new user who has one policy."""
    iam = session().client("iam", endpoint_url=stack.endpoint)
    iam.create_user(UserName=name)
    document = json.dumps(policy).replace(PRINTED, f"us-east-1:000000000000:{stack.api_id}")
    iam.put_user_policy(UserName=name, PolicyName="call", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Client(HOST, stack.port, stack.path, signer(key["AccessKeyId"], key["SecretAccessKey"]))


def is_allowed(client: Client, method: str, path: str, body: Json | None = None) -> bool:
    """Return True if a request reaches its function; API Gateway answers a denied one itself."""
    status, answer = client.exchange(method, path, body)
    denied = status == 403 and "type" not in answer
    assert denied or status in {200, 201, 204, 400, 404, 405, 409, 422}, (status, answer)
    return not denied


def test_the_page_has_a_reader_a_writer_and_an_administrator() -> None:
    assert POLICIES.keys() == HELD.keys()


@pytest.mark.parametrize("sid", HELD)
@pytest.mark.parametrize("name", NAMES)
def test_a_policy_allows_its_routes_of_its_indexes_and_nothing_else(
    clients: Mapping[str, Client], sid: str, name: str
) -> None:
    for route, right in RIGHTS.items():
        method, path = route.split()
        found = is_allowed(clients[sid], method, filled(path, name))
        held = is_for(sid, name) and LEVELS.index(HELD[sid]) >= LEVELS.index(right)
        assert found is (held and (sid == "Administrator" or route not in ALL_INDEXES)), route


@pytest.mark.parametrize("sid", HELD)
@pytest.mark.parametrize("route", sorted(template.routes().keys() - RIGHTS.keys()))
def test_only_an_administrator_may_use_the_routes_without_an_index_in_their_path(
    clients: Mapping[str, Client], sid: str, route: str
) -> None:
    method, path = route.split(maxsplit=1)[0], route.rsplit(maxsplit=1)[-1].replace("$default", "/nowhere")
    assert is_allowed(clients[sid], method.replace("$default", "GET"), path) is (sid == "Administrator")


def kind(route: str) -> str:
    """Return the policy of docs/s3vectors.md that is for a route."""
    method, path = route.split()
    if path.startswith("/tags/"):
        return "Read" if method == "GET" else "Administer"
    if path.startswith(("/Get", "/List")):
        return "Read"
    return {"/QueryVectors": "Queries", "/PutVectors": "Write", "/DeleteVectors": "Write"}.get(path, "Administer")


@pytest.mark.parametrize("sid", ["Queries", "Read", "Write", "Administer"])
def test_a_policy_of_s3_vectors_allows_its_operations_and_nothing_else(clients: Mapping[str, Client], sid: str) -> None:
    routes = {route: folder.name == "s3vectors" for route, folder in template.routes().items()}
    assert sum(routes.values()) == 22
    allowed = {sid, "Queries"} if sid == "Read" else {sid}
    for route, of_s3_vectors in routes.items():
        method, path = route.split()
        path = path.replace("{resourceArn+}", "arn:aws:s3vectors:us-east-1:000000000000:bucket/films")
        found = is_allowed(clients[sid], method, filled(path, "films"))
        assert found is (of_s3_vectors and kind(route) in allowed), route


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/indexes/%66ilms-2"),
        ("GET", "/indexes/films%2D2"),
        ("GET", "/indexes/films/../films-2"),
        ("GET", "/indexes/films/%2e%2e/films-2"),
        ("GET", "/indexes/films%2F..%2Ffilms-2"),
        ("GET", "/indexes/films/vectors/../../films-2/vectors/x"),
        ("GET", "/indexes/films-2/vectors/GET/indexes/films"),
        ("GET", "/indexes/films-2/vectors/x%2FGET%2Findexes%2Ffilms"),
        ("DELETE", "/indexes/films-2/vectors/GET/indexes/films"),
        ("GET", "//indexes/films-2"),
        ("GET", "/indexes//films-2"),
        ("GET", "/indexes/films%00-2"),
    ],
)
def test_a_reader_does_not_reach_another_index_by_another_spelling(
    guarded: Stack, clients: Mapping[str, Client], method: str, path: str
) -> None:
    admin, reader = clients["Administrator"], clients["ReaderOfFilms"]
    for name in ("films", "films-2"):
        admin.exchange("PUT", f"/indexes/{name}", {"dimension": 3})
    vectors = [{"id": id, "vector": [1, 2, 3], "metadata": "secret"} for id in ("x", "GET/indexes/films")]
    admin.call("POST", "/indexes/films-2/vectors", {"vectors": vectors})
    status, answer = reader.exchange(method, path)
    assert status in {403, 404, 422}, answer
    assert "secret" not in json.dumps(answer)
    assert admin.call("GET", "/indexes/films-2").body["count"] == 2
    assert admin.exchange(method, path)[0] != 403, "the signature is refused, whatever the policy allows"


def test_a_policy_with_a_wildcard_for_stage_and_method_allows_more_than_it_seems_to(
    guarded: Stack, clients: Mapping[str, Client]
) -> None:
    policy = json.loads(json.dumps(POLICIES["ReaderOfFilms"]).replace("/$default/", "/*/"))
    with closing(user(guarded, "careless", policy)) as careless:
        assert is_allowed(careless, "DELETE", "/indexes/other/vectors/GET/indexes/films")
    assert not is_allowed(clients["ReaderOfFilms"], "DELETE", "/indexes/other/vectors/GET/indexes/films")


def test_the_log_names_the_principal_of_a_write(guarded: Stack, clients: Mapping[str, Client]) -> None:
    clients["Administrator"].exchange("PUT", "/indexes/team-a-audited", {"dimension": 3})
    vectors = [{"id": "x", "vector": [1, 2, 3]}]
    etag = (
        clients["WriterOfTeamA"].call("POST", "/indexes/team-a-audited/vectors", {"vectors": vectors}).headers["etag"]
    )

    def look() -> Json | None:
        lines = lines_of(guarded, "AddFunction")
        return next((line for line in lines if line.get("index") == "team-a-audited"), None)

    line = eventually(look, "line of the write")
    assert (line["principal"], line["operation"]) == ("arn:aws:iam::000000000000:user/WriterOfTeamA", "add-vectors")
    assert (line["rows"], line["outcome"], line["etag_after"]) == (1, "committed", etag)


def test_a_name_in_another_spelling_is_the_index_that_it_names(clients: Mapping[str, Client]) -> None:
    clients["Administrator"].exchange("PUT", "/indexes/films", {"dimension": 3})
    assert clients["ReaderOfFilms"].call("GET", "/indexes/%66ilms").body["index"]["name"] == "films"


@pytest.mark.parametrize("route", sorted(template.routes().keys() - template.native_routes().keys()))
def test_an_unsigned_request_of_s3_vectors_is_denied(guarded: Stack, route: str) -> None:
    method, path = route.split()
    path = path.replace("{resourceArn+}", "arn:aws:s3vectors:us-east-1:000000000000:bucket/films")
    with closing(Client(HOST, guarded.port, guarded.path)) as unsigned:
        assert not is_allowed(unsigned, method, path)
