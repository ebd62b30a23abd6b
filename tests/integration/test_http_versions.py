"""Earlier versions over HTTP: listed, described, searched, restored and copied."""

from typing import Any

import pytest

from tests.support.api import Answer, Api

PROBLEM = "urn:vectord:problem:"


@pytest.fixture
def api(api_with_versions: Api) -> Api:
    return api_with_versions


def _filled(api: Api) -> Api:
    """Return an API with an index of three states: empty, with `a`, and with `a` and `b`."""
    api.create()
    api.add({"id": "a", "vector": [1, 0], "metadata": {"n": 1}})
    api.add({"id": "b", "vector": [0, 1]})
    return api


@pytest.fixture
def kept(api: Api) -> Api:
    return _filled(api)


@pytest.fixture
def kept_in_memory(ephemeral: Api) -> Api:
    return _filled(ephemeral)


def _versions(api: Api, name: str = "t", **query: str) -> list[dict[str, Any]]:
    answer = api.send("GET", f"/indexes/{name}/versions", query=query)
    assert answer.status == 200, answer.text
    found: list[dict[str, Any]] = answer.json["versions"]
    return found


def _restore(api: Api, as_of: str, **headers: str) -> Answer:
    return api.send("POST", "/indexes/t/restore", {"as_of": as_of}, headers=headers)


def _ids(api: Api, name: str = "t", **body: Any) -> list[str]:
    answer = api.send("POST", f"/indexes/{name}/search", {"vector": [1, 0.5], **body})
    assert answer.status == 200, answer.text
    return sorted(match["id"] for match in answer.json["matches"])


def test_each_commit_is_a_version_newest_first(kept: Api) -> None:
    versions = _versions(kept)
    assert [one["latest"] for one in versions] == [True, False, False]
    assert versions[0]["etag"] == kept.send("GET", "/indexes/t").etag
    assert versions[0]["bytes"] > versions[2]["bytes"]
    assert not any(one["deleted"] for one in versions)


def test_versions_are_paged(kept: Api) -> None:
    first = kept.send("GET", "/indexes/t/versions", query={"limit": "2"}).json
    second = kept.send("GET", "/indexes/t/versions", query={"limit": "2", "cursor": first["next"]}).json
    assert first["versions"] + second["versions"] == _versions(kept)
    assert second["next"] is None


@pytest.mark.parametrize("query", [{"limit": "0"}, {"cursor": "x"}, {"page": "2"}])
def test_invalid_paging_of_versions_is_refused(kept_in_memory: Api, query: dict[str, str]) -> None:
    assert kept_in_memory.send("GET", "/indexes/t/versions", query=query).status == 422


def test_a_cursor_of_another_index_is_refused(kept: Api) -> None:
    kept.create("other")
    cursor = kept.send("GET", "/indexes/t/versions", query={"limit": "1"}).json["next"]
    answer = kept.send("GET", "/indexes/other/versions", query={"cursor": cursor})
    assert answer.json["type"] == f"{PROBLEM}cursor-invalid"


@pytest.mark.parametrize("name", ["version", "etag"])
def test_an_earlier_version_is_described_and_searched(kept: Api, name: str) -> None:
    middle = _versions(kept)[1]
    described = kept.send("GET", "/indexes/t", query={"as_of": middle[name]})
    assert (described.json["count"], described.etag) == (1, middle["etag"])
    answer = kept.send("POST", "/indexes/t/search", {"vector": [1, 0], "as_of": middle[name], "filter": {"n": 1}})
    assert ([match["id"] for match in answer.json["matches"]], answer.etag) == (["a"], middle["etag"])


def test_vectors_and_values_of_a_version_are_counted(kept: Api) -> None:
    for version in _versions(kept):
        described = kept.send("GET", "/indexes/t", query={"as_of": version["version"]}).json["count"]
        counted = kept.send("POST", "/indexes/t/vectors/count", {"as_of": version["version"]})
        values = kept.send("POST", "/indexes/t/vectors/facets", {"paths": ["n"], "as_of": version["version"]})
        assert (counted.json, values.json["count"]) == ({"count": described}, described)
        assert counted.etag == version["etag"]


@pytest.mark.parametrize("as_of", ["nonsense", '"0123"', "2001-01-01T00:00:00Z"])
def test_a_missing_version_is_not_found(kept: Api, as_of: str) -> None:
    before = kept.send("GET", "/indexes/t").etag
    for answer in (
        kept.send("GET", "/indexes/t", query={"as_of": as_of}),
        kept.send("POST", "/indexes/t/search", {"vector": [1, 0], "as_of": as_of}),
        kept.send("POST", "/indexes/t/vectors/count", {"as_of": as_of}),
        kept.send("POST", "/indexes/t/vectors/facets", {"paths": ["n"], "as_of": as_of}),
        _restore(kept, as_of),
        kept.send("POST", "/indexes/t/copy", {"to": "new", "as_of": as_of}),
    ):
        assert (answer.status, answer.json["type"]) == (404, f"{PROBLEM}version-not-found")
    assert kept.send("GET", "/indexes/t").etag == before
    assert kept.send("GET", "/indexes/new").status == 404


@pytest.mark.parametrize("as_of", ["", "2026-01-01", "2026-02-30T00:00:00Z", "x" * 2_000])
def test_a_malformed_as_of_is_refused(kept_in_memory: Api, as_of: str) -> None:
    assert _restore(kept_in_memory, as_of).status == 422


def test_as_of_excludes_a_consistency(kept: Api) -> None:
    body = {"vector": [1, 0], "as_of": _versions(kept)[1]["version"], "consistency": "eventual"}
    assert kept.send("POST", "/indexes/t/search", body).status == 422


def test_a_restore_makes_an_earlier_version_current(kept: Api) -> None:
    answer = _restore(kept, _versions(kept)[1]["version"])
    assert (answer.status, answer.json["count"], answer.json["index"]["name"]) == (200, 1, "t")
    assert _ids(kept) == ["a"]
    assert kept.send("GET", "/indexes/t").etag == answer.etag
    assert len(_versions(kept)) == 4


def test_a_restore_with_a_stale_if_match_changes_nothing(kept: Api) -> None:
    oldest = _versions(kept)[2]
    answer = _restore(kept, oldest["version"], **{"If-Match": oldest["etag"]})
    assert (answer.status, answer.json["type"]) == (412, f"{PROBLEM}precondition-failed")
    assert _ids(kept) == ["a", "b"]


def test_a_deleted_index_can_be_restored(kept: Api) -> None:
    assert kept.send("DELETE", "/indexes/t").status == 204
    versions = _versions(kept)
    gone, last = (next(one for one in versions if one["deleted"] is deleted) for deleted in (True, False))
    assert (gone["latest"], gone["etag"], last["latest"]) == (True, None, False)
    assert _restore(kept, last["version"]).status == 200
    assert _ids(kept) == ["a", "b"]


def test_a_copy_is_independent(kept: Api) -> None:
    answer = kept.send("POST", "/indexes/t/copy", {"to": "new"})
    assert (answer.status, answer.headers["Location"], answer.json["index"]["name"]) == (201, "/indexes/new", "new")
    kept.add({"id": "c", "vector": [1, 1]}, name="new")
    assert (_ids(kept), _ids(kept, "new")) == (["a", "b"], ["a", "b", "c"])


def test_an_earlier_version_can_be_copied(kept: Api) -> None:
    assert kept.send("POST", "/indexes/t/copy", {"to": "new", "as_of": _versions(kept)[1]["etag"]}).status == 201
    assert _ids(kept, "new") == ["a"]


@pytest.mark.parametrize(
    ("to", "status", "kind"),
    [("t", 409, "index-exists"), ("other", 409, "index-exists"), ("a/b", 422, "request-invalid")],
)
def test_a_copy_never_replaces_an_index(kept: Api, to: str, status: int, kind: str) -> None:
    kept.create("other", 5)
    answer = kept.send("POST", "/indexes/t/copy", {"to": to})
    assert (answer.status, answer.json["type"]) == (status, PROBLEM + kind)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "versions", None),
        ("POST", "copy", {"to": "new"}),
        ("POST", "warm", None),
        ("POST", "recall", None),
    ],
)
def test_every_operation_on_a_missing_index_is_not_found(api: Api, method: str, path: str, body: Any) -> None:
    answer = api.send(method, f"/indexes/t/{path}", body)
    assert (answer.status, answer.json["type"]) == (404, f"{PROBLEM}index-not-found")


def test_a_sharded_index_has_no_versions_restore_or_copy(ephemeral: Api) -> None:
    ephemeral.create(shards=2)
    for answer in (
        ephemeral.send("GET", "/indexes/t/versions"),
        ephemeral.send("GET", "/indexes/t", query={"as_of": "2999-01-01T00:00:00Z"}),
        ephemeral.send("POST", "/indexes/t/search", {"vector": [1, 0], "as_of": "2999-01-01T00:00:00Z"}),
        ephemeral.send("POST", "/indexes/t/restore", {"as_of": "x"}),
        ephemeral.send("POST", "/indexes/t/copy", {"to": "new"}),
    ):
        assert answer.status == 422
        assert "shards" in answer.json["detail"]
