"""What a client talks to."""

from pathlib import Path

import pytest

from vectord_client import Client, NoTarget, TargetInvalid
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


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", ".hidden", "é", "a" * 129, "films?", "a%2Fb"])
def test_a_name_that_no_index_has_is_refused_before_anything_is_sent(name: str, tmp_path: Path) -> None:
    with Client(tmp_path) as client, pytest.raises(ValueError, match="is not the name of an index"):
        client.index(name)
