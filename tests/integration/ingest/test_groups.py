"""Files that one invocation gets share a commit, through the real ingest handler on an S3 on loopback."""

import json

import pytest

from tests.support.api import Api
from tests.support.inbox import Inbox
from tests.support.logs import log_lines

FILES = {
    f"uploads/g/{number}.jsonl": b"".join(
        json.dumps({"id": f"{number}-{row}", "vector": [1, row]}).encode() + b"\n" for row in range(10)
    )
    for number in range(20)
}


@pytest.mark.slow
@pytest.mark.parametrize("shards", [1, 3])
def test_twenty_files_are_one_commit_of_each_object(
    api: Api, inbox: Inbox, shards: int, capsys: pytest.CaptureFixture[str]
) -> None:
    api.create("g", 2, shards=shards)
    for key, data in FILES.items():
        inbox.put(key, data)
    capsys.readouterr()
    assert inbox.deliver_each(FILES.items()) == []
    lines = log_lines(capsys)
    assert sum(line.get("Commits", 0) for line in lines) == shards
    assert [(line["key"], line["rows"], line["group"]) for line in lines] == [(key, 10, 20) for key in FILES]
    assert api.send("GET", "/indexes/g").json["count"] == 200


@pytest.mark.slow
@pytest.mark.parametrize("shards", [1, 3])
def test_a_bad_file_and_a_replaced_one_do_not_disturb_their_group(api: Api, inbox: Inbox, shards: int) -> None:
    api.create("g", 2, shards=shards)
    bad, replaced, *good = FILES
    files = {**FILES, bad: FILES[bad] + b'{"id": "x", "vector": [0]}\n'}
    for key, data in files.items():
        inbox.put(key, data)
    inbox.put(replaced, b'{"id": "newer", "vector": [1, 1]}\n')
    assert inbox.deliver_each(files.items()) == []
    assert api.send("GET", "/indexes/g").json["count"] == 10 * len(good)
    assert sorted(inbox.files_of_reports()) == sorted([bad, replaced])


def test_the_report_on_a_file_that_is_corrected_in_a_group_is_removed(api: Api, inbox: Inbox) -> None:
    first, second, *_ = FILES
    inbox.put(first, b"no rows")
    assert inbox.deliver(inbox.event(first, b"no rows", "01")) == []
    assert inbox.files_of_reports() == [first]
    for key in (first, second):
        inbox.put(key, FILES[key])
    api.create("g", 2)
    assert inbox.deliver(*(inbox.event(key, FILES[key], "02") for key in (first, second))) == []
    assert inbox.reports() == []
