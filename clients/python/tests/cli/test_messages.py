"""Messages of the command line name its commands and options, never arguments of Python or routes of HTTP."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.cli.support import Vectord, server

from vectord_client import Client
from vectord_client.load.journal import Header, Sent, journal_path, open_journal

ARGUMENT = re.compile(r"\b[a-z_]+=(?![^ ]*amazonaws)[A-Z'\"\[{.]|\w+=,|Client\(|`(auth|region|format)`")
ROUTE = re.compile(r"\b(GET|PUT|POST|PATCH|DELETE) /|If-Match|'errors'")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("info", "nope"), 3, "The index 'nope' does not exist."),
        (("search", "nope", "--id", "a"), 3, "vectord ls"),
        (("restore", "films", "nope", "--yes"), 3, "vectord versions"),
        (("rows", "nope"), 3, "The index 'nope' does not exist."),
        (("export", "films", "x.jsonl", "--as-of", "nope"), 3, "has no state 'nope'"),
        (("rm", "films", "heat", "--yes", "--if-match", '"other"'), 4, "its ETag is not"),
        (("search", "films", "--text", "a film"), 2, "--model"),
        (("search", "films", "--id", "heat", "--after", "nope"), 7, "--after"),
        (("ls", "--auth", "iam"), 5, "--region"),
        (("ls", "--store", "films.jsonl"), 2, "--store"),
        (("add", "films", "two.npz"), 7, "--column"),
        (("add", "films", "other.parquet"), 2, "option `id`"),
        (("add", "films", "other.jsonl"), 8, "option `id`"),
        (("add", "films", "films.jsonl", "--strict"), 7, "--no-resume"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_an_error_names_options_and_commands(films: Vectord, words: tuple[str, ...], code: int, said: str) -> None:
    (films.folder / "films.jsonl").write_text('{"id": "a", "vector": [1]}\n')
    (films.folder / "other.jsonl").write_text('{"key": "a", "vector": [1, 2, 3]}\n')
    np.savez(films.folder / "two.npz", ids=np.array(["a"]), vectors=np.ones((1, 3), np.float32), year=np.array([1979]))
    pq.write_table(pa.table({"key": ["a"], "vector": [[1.0, 2.0, 3.0]]}), films.folder / "other.parquet")
    message = films(*words, code=code, env={"AWS_EC2_METADATA_DISABLED": "true"}).stderr
    assert said in message
    assert not ARGUMENT.search(message), message
    assert not ROUTE.search(message), message


def test_a_file_that_changed_after_an_interruption_says_how_to_begin_again(films: Vectord) -> None:
    path = films.folder / "big.jsonl"
    rows = [json.dumps({"id": f"row-{at}", "vector": [at, 1, 1]}) + "\n" for at in range(3)]
    path.write_text("".join(rows))
    films("add", "films", "big.jsonl")
    journal = interrupted(films, path)
    message = films("add", "films", "big.jsonl", code=4).stderr
    assert "--no-resume" in message
    assert not ARGUMENT.search(message), message
    films("add", "films", "big.jsonl", "--no-resume")
    assert not journal.exists()


def interrupted(films: Vectord, path: Path) -> Path:
    """Leave the journal of a load of another state of a file, as an interrupted process leaves it."""
    url = films.environment["VECTORD_URL"]
    with Client(url) as client:
        etag = client.index("films").etag
    place = journal_path(url, "films", str(path.resolve()), {"XDG_CACHE_HOME": str(films.home / ".cache")})
    header = Header(
        load="1",
        source=str(path),
        fingerprint="other",
        index="films",
        dimension=3,
        distance="cosine",
        options={},
        etag=etag,
    )
    journal = open_journal(place, header)
    journal.record(Sent(batch=0, key="1-0-a", digest="a"))
    journal.close()
    return place


@pytest.mark.parametrize(
    ("status", "headers", "code"),
    [
        (200, {"content-type": "text/html"}, 6),
        (502, {"content-type": "text/html"}, 6),
        (302, {"location": "https://example.com"}, 6),
        (404, {}, 6),
        (401, {}, 5),
        (403, {}, 5),
        (400, {}, 7),
    ],
)
def test_an_answer_that_is_not_of_vectord_has_its_exit_code(
    vectord: Vectord, status: int, headers: dict[str, str], code: int
) -> None:
    with server(lambda *_: (status, headers, b"<html>nothing</html>")) as url:
        message = vectord("ls", "--url", url, "--timeout", "0.5", code=code).stderr
    assert not ARGUMENT.search(message), message


def test_a_missing_or_forbidden_input_is_invalid_for_vectors_and_texts(films: Vectord) -> None:
    for name in ("missing.jsonl", "missing.csv"):
        for how in ((), ("--text", "plot")):
            assert name in films("add", "films", name, *how, code=7).stderr
    (films.folder / "cut.jsonl.gz").write_bytes(b"\x1f\x8bxx")
    films("add", "films", "cut.jsonl.gz", "--text", "plot", code=7)


def test_a_full_disk_below_an_exported_file_is_a_failure(films: Vectord) -> None:
    done = films.shell("ulimit -f 0; vectord export films out.jsonl")
    assert (done.returncode, "cannot be written" in done.stderr) == (1, True), done.stderr
    assert not list(films.folder.glob("*out.jsonl*"))


def test_deleting_an_unknown_id_is_not_found_and_deletes_the_others(films: Vectord) -> None:
    done = films("rm", "films", "heat", "nope", "--yes", code=3)
    assert json.loads(done.stdout)["deleted"] == 1
    assert "Not in films: 1 id of 2" in done.stderr
    films("rm", "films", "heat", "--dry-run", code=3)


@pytest.mark.parametrize(
    "words", [("rm", "films", "--id", "", "--yes"), ("rm", "films", "", "--yes"), ("get", "films", "")]
)
def test_an_empty_id_is_a_usage_error(films: Vectord, words: tuple[str, ...]) -> None:
    assert "An id is empty" in films(*words, code=2).stderr


def test_one_row_is_not_called_rows(films: Vectord) -> None:
    assert "The first 1 row;" in films("rows", "films", "--limit", "1", "--table").stdout
