"""The command line in a pipe: JSON lines with stable keys, and exit codes."""

import json
import subprocess

import pytest
from tests.cli.support import Vectord

from vectord_client import Client, __version__

VERSION_KEYS = ["version", "etag", "bytes", "modified", "latest", "deleted", "removed_since"]
STATS_KEYS = ["count", "eligible", "strategy", "plan", "examined", "bytes_read", "requests", "milliseconds"]


def test_lists_indexes(films: Vectord) -> None:
    films("create", "series", "--dimension", "2", "--distance", "euclidean")
    assert [list(line) for line in films.lines("ls")] == [["name", "bytes", "modified"]] * 2
    assert [line["name"] for line in films.lines("ls")] == ["films", "series"]
    assert [line["name"] for line in films.lines("ls", "ser")] == ["series"]
    assert films.lines("ls", "x") == []


def test_describes_an_index_and_the_target(films: Vectord) -> None:
    [info] = films.lines("info", "films")
    assert {name: info[name] for name in ("name", "count", "dimension", "distance", "m", "ef_search")} == {
        "name": "films",
        "count": 5,
        "dimension": 3,
        "distance": "cosine",
        "m": 16,
        "ef_search": 20,
    }
    [target] = films.lines("info")
    assert target["target"] == films.environment["VECTORD_URL"]
    assert target["indexes"] == 1


def test_searches_by_id_and_by_vector(films: Vectord) -> None:
    hits = films.lines("search", "films", "--id", "heat", "--k", "2")
    assert [list(hit) for hit in hits] == [["rank", "id", "distance", "metadata"]] * 2
    assert [(hit["rank"], hit["id"]) for hit in hits] == [(1, "thief"), (2, "七人の侍")]
    [hit] = films.lines("search", "films", "--vector", "[0, 4, 3]", "-k", "1", "--vectors")
    assert hit["vector"] == [0, 4, 3]
    assert hit["distance"] == 0
    assert films.lines("search", "films", "--vector", "-", "-k", "1", stdin="[0, 4, 3]") == [
        {key: value for key, value in hit.items() if key != "vector"}
    ]


def test_searches_with_a_filter_and_a_distance(films: Vectord) -> None:
    where = json.dumps({"by.name": "Mann"})
    assert [hit["id"] for hit in films.lines("search", "films", "--id", "alien", "--filter", where)] == [
        "thief",
        "heat",
    ]
    (films.folder / "where.json").write_text(where)
    near = films.lines("search", "films", "--id", "heat", "--filter", "@where.json", "--max-distance", "0.5")
    assert [hit["id"] for hit in near] == ["thief"]


def test_statistics_are_one_more_line_and_continue_a_search(films: Vectord) -> None:
    first, last = films.lines("search", "films", "--id", "heat", "-k", "1", "--stats")
    assert list(last["stats"]) == [*STATS_KEYS, "etag", "next"]
    [second] = films.lines("search", "films", "--id", "heat", "-k", "1", "--after", last["stats"]["next"])
    assert (first["id"], second["id"]) == ("thief", "七人の侍")


def test_gets_rows_and_says_which_are_missing(films: Vectord) -> None:
    done = films("get", "films", "heat", "nope", "alien", "heat", code=3)
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["heat", "alien"]
    assert "Not in films: nope" in done.stderr
    assert films.lines("get", "films", "alien", "--vectors")[0]["vector"] == [1.0, 0.0, 0.1]


def test_ids_come_from_standard_input_as_text_or_rows(films: Vectord) -> None:
    given = 'heat\r\n\n{"id": "alien", "metadata": 1}\n七人の侍\n'
    assert [row["id"] for row in films.lines("get", "films", "-", stdin=given)] == ["heat", "alien", "七人の侍"]
    assert "Line 1" in films("get", "films", "-", stdin=b"\xff\xfe\n", code=2).stderr


def test_lists_rows_in_order(films: Vectord) -> None:
    rows = films.lines("rows", "films", "--order-by", "year", "--desc", "--filter", '{"year": {"$exists": true}}')
    assert [row["metadata"]["year"] for row in rows] == [1995, 1981, 1979, 1954]
    assert [list(row) for row in rows] == [["id", "metadata"]] * 4
    assert len(films.lines("rows", "films", "--limit", "2")) == 2
    assert [row["id"] for row in films.lines("rows", "films", "--prefix", "t", "--vectors")] == ["thief"]


def test_counts_rows_and_values(films: Vectord) -> None:
    assert films.lines("count", "films") == [{"count": 5}]
    assert films.lines("count", "films", "--filter", '{"year": {"$lt": 1980}}') == [{"count": 2}]
    [genre, year] = films.lines("facets", "films", "genre", "year", "--limit", "1")
    assert genre["values"] == [{"value": "horror", "count": 1}]
    assert (year["rows"], year["distinct"], year["min"], year["max"]) == (4, 4, 1954, 1995)


def test_patches_by_id_and_by_filter(films: Vectord) -> None:
    assert films.lines("patch", "films", '{"seen": true}', "--id", "heat", "--id", "thief")[0]["patched"] == 2
    films("patch", "films", '{"seen": null}', "--filter", '{"seen": true}', code=2)
    assert films.lines("count", "films", "--filter", '{"seen": true}') == [{"count": 2}]
    assert films.lines("patch", "films", '{"seen": null}', "--filter", '{"seen": true}', "--yes")[0]["patched"] == 2
    assert films.lines("count", "films", "--filter", '{"seen": true}') == [{"count": 0}]
    films("patch", "films", '{"a": 1}', "--id", "heat", "--replace", "--yes")
    assert films.lines("get", "films", "heat")[0]["metadata"] == {"a": 1}


@pytest.mark.parametrize(
    "words",
    [
        ("rm", "films"),
        ("rm", "films", "heat"),
        ("rm", "films", "--all"),
        ("rm", "films", "--filter", '{"year": 1995}'),
        ("patch", "films", "null", "--id", "heat"),
        ("patch", "films", "{}", "--id", "heat", "--replace"),
        ("restore", "films", "2026-01-01T00:00:00Z"),
    ],
)
def test_destroys_nothing_without_a_terminal_to_ask_on(films: Vectord, words: tuple[str, ...]) -> None:
    before = films.lines("info", "films")
    assert "--yes" in films(*words, code=2, stdin="y\n").stderr
    assert films.lines("info", "films") == before


def test_deletes_rows(films: Vectord) -> None:
    assert films.lines("rm", "films", "--filter", '{"year": {"$lt": 1980}}', "--dry-run") == [
        {"index": "films", "dry_run": True, "deleted": 2}
    ]
    assert films.lines("rm", "films", "heat", "nope", "--yes", code=3)[0]["deleted"] == 1
    assert films.lines("rm", "films", "-", "--yes", stdin="thief\n")[0]["deleted"] == 1
    assert films.lines("rm", "films", "-", "--yes", stdin="")[0]["deleted"] == 0
    assert films.lines("rm", "films", "--all", "--dry-run")[0]["deleted"] == 3
    assert films.lines("rm", "films", "--all", "--yes")[0]["deleted"] == 3
    assert films.lines("count", "films") == [{"count": 0}]


def test_an_empty_variable_in_place_of_an_id_deletes_nothing(films: Vectord) -> None:
    assert "An id is empty" in films("rm", "films", "--id", "", "--yes", code=2).stderr
    assert films.lines("count", "films") == [{"count": 5}]


def test_a_change_may_depend_on_the_etag(films: Vectord) -> None:
    etag = films.lines("info", "films")[0]["etag"]
    assert etag.startswith('"')
    films("rm", "films", "heat", "--yes", "--if-match", etag.strip('"'))
    films("rm", "films", "thief", "--yes", "--if-match", etag, code=4)
    assert films.lines("count", "films") == [{"count": 4}]


def test_deletes_an_index_and_restores_it(films: Vectord) -> None:
    films("rm", "films", "--dry-run")
    films("rm", "films", "--yes")
    assert films.lines("ls") == []
    versions = films.lines("versions", "films")
    assert [list(version) for version in versions] == [VERSION_KEYS] * len(versions)
    kept = next(version for version in versions if not version["deleted"])
    assert films.lines("restore", "films", kept["version"], "--yes")[0]["count"] == 5


def test_copies_an_index_and_never_over_another(films: Vectord) -> None:
    assert films.lines("cp", "films", "films-2")[0]["count"] == 5
    films("cp", "films", "films-2", code=4)


def test_measures_recall_and_warms(films: Vectord) -> None:
    [report] = films.lines("recall", "films", "--sample", "2")
    assert (report["recall"], report["queries"]) == (1.0, 2)
    assert films.lines("warm", "films")[0]["bytes"] > 0


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, ("--help",)),
        (0, ("search", "--help")),
        (2, ()),
        (2, ("nonsense",)),
        (2, ("search", "films")),
        (2, ("search", "films", "--id", "a", "--vector", "[1]")),
        (2, ("search", "films", "--vector", "{}")),
        (2, ("search", "films", "--vector", "[1,")),
        (2, ("count", "films", "--filter", "year = 1")),
        (2, ("count", "films", "--filter", "@missing.json")),
        (2, ("ls", "--url", "http://a", "--store", "b")),
        (2, ("ls", "--url", "ftp://host")),
        (2, ("rows", "films", "--desc")),
        (2, ("ls", "--timeout", "0")),
        (3, ("info", "nope")),
        (3, ("search", "films", "--id", "nope")),
        (3, ("restore", "films", "nope", "--yes")),
        (4, ("create", "films", "--dimension", "3")),
        (4, ("rm", "films", "heat", "--yes", "--if-match", '"other"')),
        (6, ("ls", "--url", "http://127.0.0.1:9", "--timeout", "0.5")),
        (7, ("search", "films", "--vector", "[1]")),
        (7, ("count", "films", "--filter", '{"$nope": 1}')),
        (7, ("create", "x", "--dimension", "5000")),
        (2, ("create", "x/y", "--dimension", "3")),
    ],
)
def test_has_an_exit_code_for_each_kind_of_end(films: Vectord, code: int, words: tuple[str, ...]) -> None:
    done = films(*words, code=code)
    if code:
        assert done.stdout == ""
        assert done.stderr.strip()


def test_without_a_target_says_how_to_name_one(vectord: Vectord) -> None:
    done = vectord("ls", code=2)
    for way in ("--url", "--store", "VECTORD_URL"):
        assert way in done.stderr


def test_options_stand_before_or_behind_the_command(films: Vectord) -> None:
    url = films.environment.pop("VECTORD_URL")
    before = films("--url", url, "ls")
    assert films("ls", "--url", url).stdout == before.stdout
    assert films("--url", "http://127.0.0.1:9", "ls", "--url", url).stdout == before.stdout
    assert films("--store", "nowhere", "ls", "--url", url).stdout == before.stdout
    assert films("--table", "ls", "--url", url).stdout.startswith("name")


def test_a_closed_pipe_ends_the_command_quietly(films: Vectord) -> None:
    with Client(films.environment["VECTORD_URL"]) as client:
        rows = [(f"row-{number}", [1.0, 0.0, 0.0], {"text": "x" * 100}) for number in range(5_000)]
        client.index("films").add(rows)
    command = " ".join([*films.command, "rows", "films"])
    script = f"set -o pipefail; {command} | head -1"
    done = subprocess.run(["bash", "-c", script], env=films.env, capture_output=True, check=False, timeout=60)
    assert done.stderr == b""
    assert done.stdout.count(b"\n") == 1
    assert done.returncode == 141


def test_a_full_disk_behind_the_output_is_an_error(films: Vectord) -> None:
    command = " ".join([*films.command, "rows", "films", ">", "/dev/full"])
    done = subprocess.run(["bash", "-c", command], env=films.env, capture_output=True, check=False, timeout=60)
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-16"])
def test_json_is_utf_8_in_every_locale(films: Vectord, encoding: str) -> None:
    rows = films.lines("get", "films", "七人の侍", env={"PYTHONIOENCODING": encoding})
    assert rows[0]["metadata"]["by"]["name"] == "黒澤 明"


def test_a_table_in_a_narrow_encoding_escapes_what_it_cannot_show(films: Vectord) -> None:
    done = films("rows", "films", "--table", env={"PYTHONIOENCODING": "ascii", "COLUMNS": "80"})
    assert "\\u4e03\\u4eba\\u306e\\u4f8d" in done.stdout
    assert "…" not in done.stdout


def test_an_argument_outside_the_locale_is_an_error(films: Vectord) -> None:
    command = [*films.command, "get", "films", b"\xff\xfe"]
    done = subprocess.run(command, env=films.env, capture_output=True, check=False, timeout=60)
    assert done.returncode == 2
    assert b"locale" in done.stderr


def test_utf_8_is_read_in_a_locale_that_does_not_know_it(films: Vectord) -> None:
    posix = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert films.lines("get", "films", "七人の侍", env=posix)[0]["id"] == "七人の侍"
    assert films.lines("count", "films", "--filter", '{"by.name": "黒澤 明"}', env=posix) == [{"count": 1}]


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_are_no_defect(films: Vectord, closed: str) -> None:
    done = films.shell(f"vectord count films {closed}")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    refused = films.shell(f"vectord rm films {closed}")
    assert refused.returncode == 2
    assert films.lines("count", "films") == [{"count": 5}]


def test_has_a_version(vectord: Vectord) -> None:
    assert vectord("--version").stdout == f"vectord {__version__}\n"
