"""`vectord doctor`: findings, how to fix them, and its exit code."""

import base64
import json
import re
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tests.cli.support import Vectord, server

DOCUMENT = json.dumps({"info": {"title": "vectord", "version": "1"}}).encode()


def problem(kind: str, detail: str = "") -> bytes:
    """Return the body of a problem of the API."""
    return json.dumps({"type": f"urn:vectord:problem:{kind}", "title": kind, "detail": detail}).encode()


def findings(vectord: Vectord, *words: str, code: int = 0, env: dict[str, str] | None = None) -> dict[str, Any]:
    lines = vectord.lines("doctor", *words, code=code, env=env)
    assert all(list(line) == ["check", "status", "detail", "fix"] for line in lines)
    assert all(bool(line["fix"]) == (line["status"] != "ok") for line in lines)
    return {line["check"]: line for line in lines}


def test_a_service_that_works_passes_all_checks(films: Vectord) -> None:
    found = findings(films)
    assert {line["status"] for line in found.values()} == {"ok"}
    assert found["target"]["detail"].endswith("from VECTORD_URL")
    assert found["service"]["detail"] == "vectord, API version 1"
    assert {name for name in found if name.startswith("right")} == {
        "right to list",
        "right to read",
        "right to write",
        "right to administer",
    }


def test_it_changes_nothing(films: Vectord) -> None:
    before = films.lines("info", "films"), films.lines("versions", "films"), films.lines("ls")
    findings(films, "--index", "films")
    findings(films)
    assert (films.lines("info", "films"), films.lines("versions", "films"), films.lines("ls")) == before


def test_without_a_target(vectord: Vectord) -> None:
    assert findings(vectord, code=1)["target"]["status"] == "fail"


def test_nothing_listens_at_the_url(vectord: Vectord) -> None:
    found = findings(vectord, "--url", "http://127.0.0.1:9", code=1)
    assert found["connection"]["status"] == "fail"
    assert "right to read" not in found


def test_a_host_that_does_not_exist(vectord: Vectord) -> None:
    assert findings(vectord, "--url", "http://nowhere.invalid", code=1)["connection"]["status"] == "fail"


@pytest.mark.parametrize("body", [b"<html>502</html>", b"{}", b"[]", b'{"info": {"title": "Petstore"}}'])
def test_a_server_that_is_not_vectord(vectord: Vectord, body: bytes) -> None:
    with server(lambda *_: (200, {}, body)) as url:
        found = findings(vectord, "--url", url, code=1)
    assert found["service"]["status"] == "fail"
    assert "right to read" not in found


def test_a_server_that_does_not_speak_http(vectord: Vectord) -> None:
    with server(lambda *_: (200, {"content-length": "5000"}, b"short")) as url:
        assert findings(vectord, "--url", url, code=1)["connection"]["status"] == "fail"


@pytest.mark.parametrize(("seconds", "status", "code"), [(0, "ok", 0), (-120, "warn", 0), (3600, "fail", 1)])
def test_compares_the_clocks(vectord: Vectord, seconds: int, status: str, code: int) -> None:
    def answer(method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + seconds))
        return (200, {"date": date}, DOCUMENT) if path == "/openapi.json" else (404, {}, problem("index-not-found"))

    with server(answer) as url:
        assert findings(vectord, "--url", url, code=code)["clock"]["status"] == status


def test_rights_that_are_denied(vectord: Vectord) -> None:
    def answer(method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        if path == "/openapi.json":
            return 200, {}, DOCUMENT
        allowed = method == "GET"
        if allowed:
            return 404, {}, problem("index-not-found")
        return 403, {}, problem("access-denied", "needs write:films")

    with server(answer) as url:
        found = findings(vectord, "--url", url, "--index", "films")
    assert found["right to read"]["status"] == "ok"
    assert found["right to write"]["status"] == "warn"
    assert "needs write:films" in found["right to write"]["detail"]


def test_credentials_that_are_refused(vectord: Vectord) -> None:
    with server(lambda *_: (403, {}, b'{"message": "Forbidden"}')) as url:
        found = findings(vectord, "--url", url, code=1)
    assert found["right to read"]["status"] == "fail"
    assert "Forbidden" in found["right to read"]["detail"]


def jwt(**claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{body}.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("seconds", "status", "code"),
    [(1_000_000, "ok", 0), (-1, "fail", 1), (60, "warn", 0), (None, "ok", 0)],
)
def test_says_when_a_token_expires(films: Vectord, seconds: int | None, status: str, code: int) -> None:
    token = jwt(sub="ada") if seconds is None else jwt(sub="ada", exp=time.time() + seconds)
    found = findings(films, code=code, env={"VECTORD_TOKEN": token})
    assert found["credentials"]["status"] == status
    assert "ada" in found["credentials"]["detail"]
    assert token not in json.dumps(found)


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "a.!!!!.c", "e30.W10.c"])
def test_accepts_a_token_that_is_not_a_jwt(films: Vectord, token: str) -> None:
    assert findings(films, env={"VECTORD_TOKEN": token})["credentials"]["status"] == "ok"


def test_says_which_aws_credentials_are_used(films: Vectord) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE1234", "AWS_SECRET_ACCESS_KEY": "SECRETSECRET"}
    found = findings(films, "--auth", "iam", "--region", "eu-west-1", env=keys)
    assert "from env, access key …1234" in found["credentials"]["detail"]
    assert "SECRET" not in json.dumps(found)
    assert "AKIDEXAMPLE1234" not in json.dumps(found)


def test_says_that_aws_credentials_are_missing(films: Vectord) -> None:
    none = {"AWS_EC2_METADATA_DISABLED": "true"}
    found = findings(films, "--auth", "iam", "--region", "eu-west-1", code=1, env=none)
    assert found["credentials"]["status"] == "fail"
    assert "aws sso login" in found["credentials"]["detail"] + found["credentials"]["fix"]


def test_checks_a_folder(vectord: Vectord) -> None:
    assert findings(vectord, "--store", "data")["folder"]["status"] == "ok"
    assert not (vectord.folder / "data").exists()
    vectord("create", "films", "--dimension", "3", "--store", "data")
    before = sorted(vectord.folder.rglob("*"))
    found = findings(vectord, "--store", "data")
    assert found["folder"]["detail"].endswith("can be read and written")
    assert found["open"]["detail"] == "1 index"
    assert found["disk"]["status"] in ("ok", "warn")
    assert sorted(vectord.folder.rglob("*")) == before


def test_says_if_the_engine_has_the_native_kernel(vectord: Vectord) -> None:
    there = find_spec("vectord.index.kernels.native") is not None
    detail = findings(vectord, "--store", "data")["engine"]["detail"]
    assert detail.split(", ")[1] == ("with the native kernel" if there else "without the native kernel")


def test_a_file_is_not_a_folder(vectord: Vectord) -> None:
    (vectord.folder / "data").write_text("")
    assert findings(vectord, "--store", "data", code=1)["folder"]["status"] == "fail"


def test_a_table_marks_each_check(films: Vectord) -> None:
    text = films("doctor", "--table", "--url", "http://127.0.0.1:9", code=1).stdout
    assert "fail  connection: " in text
    assert "\n      fix: " in text
    assert text.strip().endswith("1 failed, 0 warnings")


@pytest.mark.parametrize(
    "answer",
    [
        (502, {"content-type": "text/html"}, b"<html>Bad Gateway of the proxy</html>"),
        (302, {"location": "https://login.example.com/"}, b""),
        (401, {"www-authenticate": 'Bearer error_description="the token has expired"'}, b'{"message": "Unauthorized"}'),
        (404, {}, b"not here"),
        (200, {"content-type": "text/html"}, b"<html>a page of another program</html>"),
    ],
    ids=lambda answer: str(answer[0]),
)
def test_says_as_much_about_an_answer_as_a_command_that_meets_it(
    vectord: Vectord, answer: tuple[int, dict[str, str], bytes]
) -> None:
    with server(lambda *_: answer) as url:
        done = vectord("ls", "--url", url, "--timeout", "0.5", code=None)
        found = findings(vectord, "--url", url, code=1)
    said = re.search(
        r"Bad Gateway of the proxy|login.example.com|the token has expired|not here|another prog", done.stderr
    )
    assert said, done.stderr
    assert said[0] in found["service"]["detail"]


@pytest.mark.parametrize("place", ["begin", "middle", "cut"])
def test_an_index_that_is_damaged_fails(vectord: Vectord, place: str) -> None:
    for name in ("films", "series"):
        vectord("create", name, "--dimension", "2", "--store", "data")
    rows = "".join(json.dumps({"id": f"row-{at}", "vector": [at, 1]}) + "\n" for at in range(2_000))
    vectord("add", "films", "-", "--store", "data", stdin=rows)
    damage(vectord.folder / "data/films.lhv1", place)
    found = findings(vectord, "--store", "data", code=1)
    assert found["index films"]["status"] == "fail"
    assert "vectord restore" in found["index films"]["fix"]
    assert found["open"]["detail"] == "1 index"
    assert "index films" not in findings(vectord, "--store", "data", "--index", "series")


def damage(path: Path, place: str) -> None:
    """Damage the file of an index."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        if place == "cut":
            file.truncate(size // 2)
            return
        file.seek(0 if place == "begin" else size // 2)
        file.write(b"\xff" * 8)
