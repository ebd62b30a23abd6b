"""A stack is deployed open, updated to another layer, more memory and tokens, then to rights, to TLS, and deleted."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import files
from tests.e2e.inbox import Inbox
from tests.e2e.issuer import Issuer, running_issuer
from tests.e2e.roles import as_role_of, outcome
from tools.command import interrupts
from tools.command.paths import BUILD
from tools.command.run import scratch_folder
from tools.stack.client import Client, Signer
from tools.stack.ministack import HOST
from tools.stack.stack import OPEN, Stack, running_stack, session

INDEX = "kept"
CLAIM = "https://vectord.example/rights"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with running_issuer() as running:
        yield running


@pytest.fixture(scope="module")
def loaded() -> Iterator[Stack]:
    """A stack with an index, filled by an upload."""
    interrupts.install()
    with scratch_folder() as folder, running_stack(folder, enforce=True) as stack:
        with closing(Client(HOST, stack.port, stack.path)) as api:
            api.call("POST", "/indexes", {"name": INDEX, "dimension": 3}, expect=201)
        inbox = Inbox(stack)
        inbox.put(f"uploads/{INDEX}/rows.jsonl", files.jsonl())
        assert inbox.outcomes(INDEX, 1) == ["committed"]
        yield stack


@pytest.fixture(scope="module")
def before(loaded: Stack) -> dict[str, int]:
    return loaded.objects()


@pytest.fixture(scope="module")
def tokens(issuer: Issuer) -> dict[str, str]:
    return {"Authorization": "JWT", "JwtIssuer": issuer.url, "JwtAudience": "vectord,second"}


@pytest.fixture(scope="module")
def first_version(loaded: Stack) -> dict[str, Any]:
    return live(loaded)


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another layer: the built one with one more file."""
    copied = shutil.copytree(BUILD / "Layer", tmp_path_factory.mktemp("other") / "Layer")
    (copied / "python/another.txt").write_text("another build")
    return copied


@pytest.fixture(scope="module")
def updated(
    loaded: Stack, before: dict[str, int], first_version: dict[str, Any], tokens: dict[str, str], layer: Path
) -> Stack:
    assert before
    assert first_version
    loaded.deploy(OPEN | tokens | {"MemorySize": "2048"}, layer)
    return loaded


@pytest.fixture(scope="module")
def claimed(updated: Stack, tokens: dict[str, str]) -> Stack:
    updated.deploy(OPEN | tokens | {"AccessClaim": CLAIM})
    return updated


@pytest.fixture(scope="module")
def closed(claimed: Stack, tokens: dict[str, str]) -> Stack:
    claimed.deploy(tokens | {"TlsOnly": "true", "MemorySize": "2049"})
    return claimed


@pytest.fixture(scope="module")
def deleted(closed: Stack) -> Stack:
    closed.delete()
    return closed


def live(stack: Stack) -> dict[str, Any]:
    """Return the configuration of the version of search to which the alias points."""
    functions = session().client("lambda", endpoint_url=stack.endpoint)
    found = functions.get_function_configuration(FunctionName=stack.physical("SearchFunction"), Qualifier="live")
    return {name: found[name] for name in ("Version", "MemorySize", "Layers")}


def bearing(token: str) -> Signer:
    return lambda _method, _url, _body, headers: {**headers, "Authorization": f"Bearer {token}"}


def count(stack: Stack, signer: Signer | None, expect: int = 200) -> int | None:
    with closing(Client(HOST, stack.port, stack.path, signer)) as api:
        return api.call("GET", f"/indexes/{INDEX}", expect=expect).body.get("count")


def test_an_update_changes_the_functions(updated: Stack) -> None:
    functions = session().client("lambda", endpoint_url=updated.endpoint)
    described = functions.get_function_configuration(FunctionName=updated.physical("SearchFunction"))
    assert described["MemorySize"] == 2048


def test_an_update_to_another_layer_reaches_searches(updated: Stack, first_version: dict[str, Any]) -> None:
    published = live(updated)
    assert int(published["Version"]) == int(first_version["Version"]) + 1
    assert published["Layers"] != first_version["Layers"]
    assert published["MemorySize"] == 2048


def test_the_version_before_an_update_is_retained(updated: Stack, first_version: dict[str, Any]) -> None:
    functions = session().client("lambda", endpoint_url=updated.endpoint)
    published = functions.list_versions_by_function(FunctionName=updated.physical("SearchFunction"))["Versions"]
    assert {first_version["Version"], live(updated)["Version"]} <= {version["Version"] for version in published}


def test_an_update_keeps_the_data(updated: Stack, before: dict[str, int]) -> None:
    assert updated.objects() == before


def test_uploads_work_after_an_update(updated: Stack) -> None:
    inbox = Inbox(updated)
    inbox.put("uploads/absent/rows.jsonl", files.jsonl())
    assert inbox.report("uploads/absent/rows.jsonl")["bad"] == 0


@pytest.mark.parametrize("audience", ["vectord", "second"])
def test_a_token_for_an_allowed_audience_is_accepted(updated: Stack, issuer: Issuer, audience: str) -> None:
    assert count(updated, bearing(issuer.token(audience))) == len(files.IDS)


def test_a_request_without_a_token_is_refused(updated: Stack) -> None:
    count(updated, None, expect=401)


def test_a_token_for_another_audience_is_refused(updated: Stack, issuer: Issuer) -> None:
    count(updated, bearing(issuer.token("another")), expect=401)


def test_an_expired_token_is_refused(updated: Stack, issuer: Issuer) -> None:
    count(updated, bearing(issuer.token("vectord", seconds=-1)), expect=401)


def test_a_token_signed_with_another_key_is_refused(updated: Stack, issuer: Issuer) -> None:
    count(updated, bearing(Issuer(issuer.url).token("vectord")), expect=401)


@pytest.mark.parametrize(
    ("rights", "reads_writes_creates", "listed"),
    [
        (["admin:*"], [200, 200, 201], [INDEX]),
        ([f"write:{INDEX}"], [200, 200, 403], [INDEX]),
        ([f"read:{INDEX}", "admin:other"], [200, 403, 403], [INDEX]),
        (f"read:{INDEX} admin:new-*", [200, 403, 201], [INDEX]),
        ([f"read:{INDEX}-2"], [403, 403, 403], []),
        (["x admin:*"], [403, 403, 403], []),
        ({INDEX: "admin"}, [403, 403, 403], []),
        (None, [403, 403, 403], []),
    ],
)
def test_a_token_opens_what_its_claim_says(
    claimed: Stack, issuer: Issuer, rights: Any, reads_writes_creates: list[int], listed: list[str]
) -> None:
    token = issuer.token("vectord", **({} if rights is None else {CLAIM: rights}))
    with closing(Client(HOST, claimed.port, claimed.path, bearing(token))) as api:
        answers = [
            api.exchange("GET", f"/indexes/{INDEX}"),
            api.exchange("POST", f"/indexes/{INDEX}/vectors/delete", {"ids": ["absent"]}),
            api.exchange("PUT", "/indexes/new-1", {"dimension": 3}),
        ]
        assert [status for status, _ in answers] == reads_writes_creates
        assert {body["type"] for status, body in answers if status == 403} <= {"urn:vectord:problem:access-denied"}
        assert [one["name"] for one in api.call("GET", "/indexes?prefix=k").body["indexes"]] == listed
        if answers[2][0] == 201:
            api.call("DELETE", "/indexes/new-1", expect=204)


def test_the_buckets_refuse_plain_http(closed: Stack) -> None:
    s3 = as_role_of(closed, "SearchFunction")  # the stand-in lets the account's own key through whatever a policy says
    assert outcome(s3.get_object, Bucket=closed.bucket, Key=f"_vectors/{INDEX}.lhv1") == "AccessDenied"


def test_a_deleted_stack_keeps_its_buckets_and_their_objects(deleted: Stack, before: dict[str, int]) -> None:
    assert deleted.objects() == before


def test_a_deleted_stack_has_no_function(deleted: Stack) -> None:
    functions = session().client("lambda", endpoint_url=deleted.endpoint)
    assert functions.list_functions()["Functions"] == []
