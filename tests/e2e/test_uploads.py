"""A file in the inbox becomes searchable as a whole, or a report states why not."""

import gzip
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e import files
from tests.e2e.inbox import Inbox
from tools.stack.client import Client, Json


def create(api: Client, name: str) -> None:
    api.call("POST", "/indexes", {"name": name, "dimension": 3}, expect=201)


def nearest(api: Client, name: str, vector: list[float]) -> Json:
    [match] = api.call("POST", f"/indexes/{name}/search", {"vector": vector, "k": 1}).body["matches"]
    return match


@pytest.mark.parametrize("suffix", files.WRITERS)
def test_a_file_of_every_format_becomes_searchable(api: Client, inbox: Inbox, suffix: str) -> None:
    name = f"format{suffix.replace('.', '-')}"
    create(api, name)
    inbox.put(f"uploads/{name}/rows{suffix}", files.WRITERS[suffix]())
    assert inbox.outcomes(name, 1) == ["committed"]
    for row, identifier in enumerate(files.IDS):
        found = nearest(api, name, files.VECTORS[row].tolist())
        assert found == {"id": identifier, "distance": 0.0, "metadata": files.METADATA[row]}


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("spaces", "two  words.jsonl"),
        ("plus", "a+b.jsonl"),
        ("unicode", "ü 漢字 🦆.jsonl"),
        ("percent", "100%25 a%2Fb.jsonl"),
        ("folders", "2026/11/day.jsonl"),
        ("signs", "!*'();:@&=$,?#[].jsonl"),
    ],
)
def test_a_key_with_any_characters_is_ingested(api: Client, inbox: Inbox, name: str, file: str) -> None:
    create(api, name)
    inbox.put(f"uploads/{name}/{file}", files.jsonl())
    assert inbox.outcomes(name, 1) == ["committed"]


def test_one_invalid_row_in_10_000_commits_nothing_and_is_reported(api: Client, inbox: Inbox) -> None:
    create(api, "bad")
    before = api.call("GET", "/indexes/bad").headers["etag"]
    rows: dict[str, object] = {f"row-{row}": [row, 1, 1] for row in range(1, 10_000)}
    inbox.put("uploads/bad/one.jsonl", files.lines(rows | {"row-10000": [1e39, 1, 1]}))
    report = inbox.report("uploads/bad/one.jsonl")
    assert (report["file"], report["bad"]) == ("uploads/bad/one.jsonl", 1)
    [row] = report["rows"]
    assert (row["line"], row["id"]) == (10_000, "row-10000")
    assert "finite" in row["reason"]
    assert api.call("GET", "/indexes/bad").headers["etag"] == before


def test_a_corrected_file_removes_its_report(api: Client, inbox: Inbox) -> None:
    create(api, "corrected")
    inbox.put("uploads/corrected/rows.jsonl", files.lines({"row": [1, 2]}))
    assert inbox.report("uploads/corrected/rows.jsonl")["bad"] == 1
    inbox.put("uploads/corrected/rows.jsonl", files.jsonl())
    assert inbox.outcomes("corrected", 2) == ["rejected", "committed"]
    assert inbox.reports("corrected") == []


def test_folders_and_hidden_files_are_ignored(api: Client, inbox: Inbox) -> None:
    create(api, "folders-only")
    for file in ("", "day/", "_SUCCESS", "_temporary/0/rows.jsonl", ".DS_Store"):
        inbox.put(f"uploads/folders-only/{file}", b"")
    inbox.put("uploads/folders-only/rows.jsonl", files.jsonl())
    assert inbox.outcomes("folders-only", 1) == ["committed"]
    assert inbox.reports("folders-only") == []


def test_an_upload_for_a_missing_index_is_reported(inbox: Inbox) -> None:
    inbox.put("uploads/nowhere/rows.jsonl", files.jsonl())
    assert "nowhere" in inbox.report("uploads/nowhere/rows.jsonl")["reason"]


def test_two_concurrent_files_for_one_index_are_both_committed(api: Client, inbox: Inbox) -> None:
    create(api, "both")
    halves = [{f"{half}-{row}": [half + 1, row + 1, 1] for row in range(1_000)} for half in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda half: inbox.put(f"uploads/both/{half}.jsonl", files.lines(halves[half])), range(2)))
    assert inbox.outcomes("both", 2) == ["committed", "committed"]
    assert api.call("GET", "/indexes/both").body["count"] == 2_000


def put(link: Json, body: bytes, headers: dict[str, str] | None = None) -> int:
    """Send a file to a link, without credentials, and return the status."""
    request = urllib.request.Request(link["url"], body, link["headers"] if headers is None else headers, method="PUT")
    try:
        with urllib.request.urlopen(request) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def link_for(api: Client, name: str, file: str, size: int) -> Json:
    return api.call("POST", f"/indexes/{name}/uploads", {"file": file, "bytes": size}).body


def test_a_file_can_be_uploaded_to_a_link_without_credentials(api: Client, inbox: Inbox) -> None:
    create(api, "linked")
    link = link_for(api, "linked", "my rows+ü.jsonl", len(files.jsonl()))
    assert link["key"].startswith("uploads/linked/")
    assert link["key"].endswith("/my rows+ü.jsonl")
    assert put(link, files.jsonl()) == 200
    assert inbox.outcomes("linked", 1) == ["committed"]
    assert api.call("GET", "/indexes/linked").body["count"] == 3


def test_a_link_accepts_one_file_of_its_length_with_its_headers(api: Client, inbox: Inbox) -> None:
    create(api, "once")
    body = files.jsonl()
    link = link_for(api, "once", "rows.jsonl", len(body))
    assert [put(link, body + b"\n"), put(link, body[:-1]), put(link, b""), put(link, body, {})] == [403] * 4
    assert [put(link, body), put(link, body)] == [200, 412]
    assert inbox.outcomes("once", 1) == ["committed"]


def test_two_callers_with_one_file_name_both_have_their_rows_ingested(api: Client, inbox: Inbox) -> None:
    create(api, "callers")
    for number in range(2):
        body = files.lines({f"row-{number}": [number, 1, 1]})
        assert put(link_for(api, "callers", "rows.jsonl", len(body)), body) == 200
    assert inbox.outcomes("callers", 2) == ["committed"] * 2
    assert api.call("GET", "/indexes/callers").body["count"] == 2


def test_a_gzip_bomb_is_reported_and_the_function_continues(api: Client, inbox: Inbox) -> None:
    create(api, "bomb")
    inbox.put("uploads/bomb/blank.jsonl.gz", gzip.compress(b"\n" * (16 << 20), 1) * 64)  # 1 GiB of blank lines
    assert "decodes to more than" in inbox.report("uploads/bomb/blank.jsonl.gz")["reason"]
    inbox.put("uploads/bomb/rows.jsonl", files.jsonl())
    assert inbox.outcomes("bomb", 2) == ["rejected", "committed"]
