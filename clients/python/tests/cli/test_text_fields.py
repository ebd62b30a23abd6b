"""`vectord create --text-field`: the text fields of a new index."""

from tests.cli.support import Vectord


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
