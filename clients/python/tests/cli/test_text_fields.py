"""`vectord create --text-field` and `vectord search --words`."""

import re

import pytest
from tests.cli.support import Served, Vectord
from tests.cli.terminal import ANSI, shown

from vectord_client import Client, sparse_vector


def test_a_field_is_a_path_and_perhaps_a_language(films: Vectord) -> None:
    words = ("--text-field", "body", "--text-field", "by.title=german", "--text-field", "a=b=none")
    [created] = films.lines("create", "new", "--dimension", "2", *words)
    common = {"stopwords": True, "searchable": True}
    assert created["text"] == {
        "body": {"language": "english", **common},
        "by.title": {"language": "german", **common},
        "a=b": {"language": None, **common},
    }
    assert films.lines("info", "new")[0]["text"] == created["text"]


def test_an_index_without_fields_says_nothing_about_them(films: Vectord) -> None:
    assert "text" not in films.lines("info", "films")[0]


@pytest.fixture
def plots(films: Vectord, served: Served) -> Vectord:
    with Client(served.url) as client:
        index = client.create_index("plots", dimension=2, text=["plot", "title"])
        index.add(
            [("alien", [1, 0], {"plot": "A monster in space"}), ("heat", [0, 1], {"plot": "A thief", "title": "Heat"})]
        )
    return films


def test_words_alone_print_relevances(plots: Vectord) -> None:
    [record] = plots.lines("search", "plots", "--words", "monsters in space")
    assert list(record) == ["rank", "id", "relevance", "metadata"]
    assert record["id"] == "alien"


def test_words_are_those_of_fields_and_all_of_them(plots: Vectord) -> None:
    assert plots.lines("search", "plots", "--words", "heat", "--field", "plot") == []
    assert plots.lines("search", "plots", "--words", "heat monster", "--all-words") == []
    assert plots.lines("search", "plots", "--words", "monster", "--min-relevance", "1000") == []


def test_a_hybrid_search_prints_all_numbers_and_explains_them(plots: Vectord) -> None:
    first, second = plots.lines("search", "plots", "--words", "monster", "--vector", "[0, 1]", "--explain")
    assert list(first) == ["rank", "id", "score", "distance", "relevance", "metadata", "explanation"]
    assert first["score"] > second["score"]
    assert {"vector_rank", "text_rank", "terms"} == set(first["explanation"])


@pytest.fixture
def notes(films: Vectord, served: Served) -> Vectord:
    films.lines("create", "notes", "--dimension", "2", "--sparse", "splade")
    with Client(served.url) as client:
        rows = [("sea", {17: 1.5}), ("bay", {17: 0.5, 3: 1.0}), ("sun", {4: 1.0})]
        notes = client.index("notes")
        notes.add([(name, [n, 1], {"splade": sparse_vector(sparse)}) for n, (name, sparse) in enumerate(rows)])
    return films


def test_names_of_sparse_vectors_are_declared_and_shown(notes: Vectord) -> None:
    assert notes.lines("info", "notes")[0]["sparse"] == {"splade": {"searchable": True}}


def test_a_sparse_vector_prints_relevances(notes: Vectord) -> None:
    found = notes.lines("search", "notes", "--sparse", '{"indices": [17], "values": [2]}')
    assert [(record["id"], record["relevance"]) for record in found] == [("sea", 3.0), ("bay", 1.0)]
    assert list(found[0]) == ["rank", "id", "relevance", "metadata"]


def test_rows_that_share_an_index_are_counted(notes: Vectord) -> None:
    sparse = '{"indices": [3, 4], "values": [1, 1]}'
    assert notes.lines("count", "notes", "--sparse", sparse) == [{"count": 2}]
    [facet] = notes.lines("facets", "notes", "splade.indices", "--sparse", sparse)
    assert [each["value"] for each in facet["values"]] == [3, 4, 17]


def test_a_sparse_vector_and_a_vector_print_all_numbers(notes: Vectord) -> None:
    sparse = '{"indices": [17], "values": [2]}'
    first, *_ = notes.lines("search", "notes", "--sparse", sparse, "--vector", "[1, 1]", "--explain")
    assert list(first) == ["rank", "id", "score", "distance", "relevance", "metadata", "explanation"]
    assert {"vector_rank", "sparse_rank", "terms", "indices"} == set(first["explanation"])


def test_highlights_are_offsets_in_json(plots: Vectord) -> None:
    [record] = plots.lines("search", "plots", "--words", "monsters", "--highlight")
    assert list(record) == ["rank", "id", "relevance", "metadata", "highlights"]
    assert record["highlights"] == [{"field": "plot", "at": ["plot"], "spans": [[2, 9]]}]


def test_words_are_bold_in_a_table(plots: Vectord, served: Served) -> None:
    metadata = {"plot": 'Monster "monster", monstermaker; 東京都', "monster": 1}
    with Client(served.url) as client:
        client.index("plots").add([("monster", [1, 1], metadata)])
    words = ("search", "plots", "--highlight", "--words", "monster 東京")
    text = shown(plots, *words, columns=200)
    assert '{"plot": "\x1b[1mMonster\x1b[0m \\"\x1b[1mmonster\x1b[0m\\", monstermaker; \x1b[1m東京\x1b[0m都"' in text
    assert re.search(r"^1 +monster ", text, re.MULTILINE)
    plain = shown(plots, *words, columns=200, env={"NO_COLOR": "1"})
    assert ANSI.sub("", text).split("\n")[:3] == plain.split("\n")[:3]
    assert "\x1b[1mMonster\x1b[0m" in shown(plots, *words, columns=30)
    assert "\x1b[1mmonster" not in shown(plots, "search", "plots", "--words", "monster", columns=200)


def test_rows_with_words_are_counted(plots: Vectord) -> None:
    assert plots.lines("count", "plots", "--words", "monsters") == [{"count": 1}]
    assert plots.lines("count", "plots", "--words", "monsters thief heat", "--field", "plot") == [{"count": 2}]
    assert plots.lines("count", "plots", "--words", "monsters thief", "--all-words") == [{"count": 0}]
    [facet] = plots.lines("facets", "plots", "title", "--words", "heat")
    assert [(one["value"], one["count"]) for one in facet["values"]] == [("Heat", 1)]


def test_options_of_words_require_words(plots: Vectord) -> None:
    for option in (("--all-words",), ("--field", "plot")):
        assert "require --words" in plots("search", "plots", "--id", "heat", *option, code=2).stderr
        assert "require --words" in plots("count", "plots", *option, code=2).stderr
        assert "require --words" in plots("facets", "plots", "title", *option, code=2).stderr
    assert "--highlight requires --words" in plots("search", "plots", "--id", "heat", "--highlight", code=2).stderr
    assert "in one way" in plots("search", "plots", code=2).stderr
