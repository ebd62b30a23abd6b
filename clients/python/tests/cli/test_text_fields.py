"""`vectord create --text-field` and `vectord search --words`."""

import pytest
from tests.cli.support import Served, Vectord

from vectord_client import Client


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


def test_options_of_words_require_words(plots: Vectord) -> None:
    for option in (("--all-words",), ("--field", "plot")):
        assert "require --words" in plots("search", "plots", "--id", "heat", *option, code=2).stderr
    assert "in one way" in plots("search", "plots", code=2).stderr
