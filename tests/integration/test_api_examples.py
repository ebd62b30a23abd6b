"""The examples of docs/api.md, run in their order by the handlers in one process, and the links that they return."""

import json
from collections.abc import Iterator

import pytest
import urllib3

from tests.support.api import Api
from tests.support.backends import S3Backend
from tests.support.examples import Example, Values, parsed, sections
from tests.support.pages import text_of
from tests.support.schema import violations

PAGE = text_of("docs/api.md")
FILM = b'{"id": "solaris", "vector": [0.5, 0, 0.5]}\n'  # of the length that the page states


@pytest.fixture
def api(bucket: S3Backend, monkeypatch: pytest.MonkeyPatch) -> Api:
    bucket.keep_versions()
    inbox = f"{bucket.bucket}-inbox"
    bucket.client.create_bucket(Bucket=inbox)
    monkeypatch.setenv("VECTORD_INBOX", inbox)
    return Api(one_process=True)


def _examples() -> Iterator[tuple[str, Example]]:
    for section in sections(PAGE):
        yield from zip(section.routes, section.examples, strict=True)


def test_every_example_returns_what_the_page_shows(api: Api) -> None:
    values = Values({"URL": ""})
    for route, example in _examples():
        sent = parsed(example.command, values.known)
        answer = api.send(sent.method, sent.path, sent.body, headers=sent.headers, query=sent.query)
        assert answer.status == example.status, answer.text
        found = answer.json if answer.text else None
        shown = json.loads(example.shown) if example.shown else None
        difference = values.difference(shown, found)
        assert difference is None, f"{example.command}{difference}\n{answer.text}"
        assert violations(route, answer.status, found) == []
    put = [urllib3.request("PUT", values.known["UPLOAD"], body=FILM, headers={"if-none-match": "*"}) for _ in range(2)]
    assert [answer.status for answer in put] == [200, 412]
    exported = urllib3.request("GET", values.known["EXPORT"]).data.splitlines()
    assert sorted(json.loads(line)["id"] for line in exported) == ["alien", "heat", "sleep/walk", "thief"]
