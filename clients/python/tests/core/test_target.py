"""What a client talks to."""

from pathlib import Path
from typing import Any

import pytest

from vectord_client import ArgumentInvalid, AsyncClient, Client, NoTarget, TargetInvalid
from vectord_client.target import resolve


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("https://x.example/prod", "https://x.example/prod"),
        ("HTTP://localhost:8080", "HTTP://localhost:8080"),
        ("./data", Path("data")),
        ("/srv/data", Path("/srv/data")),
        ("data", Path("data")),
        ("~/data", Path("~/data").expanduser()),
        (Path("localhost:8080"), Path("localhost:8080")),
        ("file:///srv/my%20data", Path("/srv/my data")),
    ],
)
def test_is_a_url_or_a_folder(target: str | Path, found: str | Path) -> None:
    assert resolve(target, {}) == found


@pytest.mark.parametrize(
    "target",
    [
        "localhost",
        "localhost:8080",
        "127.0.0.1:8080/prod",
        "vectors.example.com:443",
        "a1.execute-api.eu-west-1.amazonaws.com/prod",
        "s3://bucket/films",
        "ftp://x",
        "file://data",
        "file:///",
        "file:///srv/data?versions=20",
        "",
        " ",
    ],
)
def test_is_refused_if_it_is_neither(target: str) -> None:
    with pytest.raises(TargetInvalid):
        resolve(target, {})


@pytest.mark.parametrize(
    "url",
    ["http://", "https://[::1", "http://x:port", "https://user:secret@x.example", "https://x?a=1", "https://x/#a"],
)
def test_a_url_that_no_api_has_is_refused(url: str) -> None:
    with pytest.raises(TargetInvalid) as raised:
        Client(url)
    assert "secret" not in str(raised.value)


def test_the_environment_names_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VECTORD_URL", "http://127.0.0.1:9")
    with Client() as client:
        assert repr(client) == "<Client of http://127.0.0.1:9>"


def test_no_target_says_what_to_set() -> None:
    with pytest.raises(NoTarget, match="Set VECTORD_URL"):
        Client()


@pytest.mark.parametrize("target", ["/x\0y", "file:///x%00y", "/\ud800", "~no-such-user-of-this-machine/data"])
def test_a_path_that_no_file_system_has_is_refused(target: str) -> None:
    with pytest.raises(TargetInvalid, match="is not a path"):
        Client(target)


@pytest.mark.parametrize("below", ["", "data"])
def test_a_file_is_said_to_be_one(tmp_path: Path, below: str) -> None:
    (tmp_path / "films.jsonl").touch()
    with pytest.raises(TargetInvalid, match=r"films\.jsonl is a file, and a target is a folder.*\.load\("):
        Client(tmp_path / "films.jsonl" / below)


def test_links_that_lead_to_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(TargetInvalid):
        Client(tmp_path / "a")


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("timeout", [0, -1, float("nan"), None, "60"])
def test_a_timeout_that_is_not_positive_is_refused(kind: Any, timeout: object) -> None:
    with pytest.raises(ArgumentInvalid, match=r"^timeout is "):
        kind("http://127.0.0.1:9", timeout=timeout)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("concurrency", [0, -1, 1.5, None])
def test_a_concurrency_that_is_not_positive_is_refused(kind: Any, concurrency: object) -> None:
    with pytest.raises(ArgumentInvalid, match=r"^concurrency is "):
        kind("http://127.0.0.1:9", concurrency=concurrency)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", ".hidden", "é", "a" * 129, "films?", "a%2Fb"])
def test_a_name_that_no_index_has_is_refused_before_anything_is_sent(name: str, tmp_path: Path) -> None:
    with Client(tmp_path) as client, pytest.raises(ValueError, match="is not the name of an index"):
        client.index(name)
