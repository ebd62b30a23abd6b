"""The text fields of an index over HTTP: declared at creation, described, and kept by whatever writes the index."""

from typing import Any

import pytest

from tests.support.api import Api

PROBLEM = "urn:vectord:problem:"
TEXT = {"body": {}, "by.title": {"language": "german", "stopwords": False}, "code": {"language": None}}
SHOWN = {
    "body": {"language": "english", "stopwords": True, "searchable": True},
    "by.title": {"language": "german", "stopwords": False, "searchable": True},
    "code": {"language": None, "stopwords": True, "searchable": True},
}
SIXTEEN = {f"f{number}": {} for number in range(16)}


def shown(api: Api, name: str = "t", **query: str) -> Any:
    answer = api.send("GET", f"/indexes/{name}", query=query)
    assert answer.status == 200, answer.text
    return answer.json["index"].get("text")


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize(("method", "path"), [("POST", "/indexes"), ("PUT", "/indexes/t")])
def test_a_new_index_declares_fields(ephemeral: Api, shards: int, method: str, path: str) -> None:
    created = ephemeral.send(method, path, {"name": "t", "dimension": 2, "shards": shards, "text": TEXT})
    assert (created.status, created.json["index"]["text"]) == (201, SHOWN)
    assert shown(ephemeral) == SHOWN


def test_an_index_may_have_sixteen_fields(ephemeral: Api) -> None:
    assert len(ephemeral.create(text=SIXTEEN).json["index"]["text"]) == 16


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("absent", [{}, {"text": None}], ids=["absent", "null"])
def test_an_index_without_fields_shows_none(ephemeral: Api, shards: int, absent: dict[str, None]) -> None:
    assert "text" not in ephemeral.create(shards=shards, **absent).json["index"]
    assert shown(ephemeral) is None


def test_an_index_that_exists_keeps_its_fields(ephemeral: Api) -> None:
    etag = ephemeral.create(text=TEXT).etag
    assert ephemeral.send("PUT", "/indexes/t", {"dimension": 2, "text": {"other": {}}}).status == 409
    assert shown(ephemeral) == SHOWN
    assert ephemeral.send("GET", "/indexes/t").etag == etag


@pytest.mark.parametrize("shards", [1, 3])
def test_a_patch_replaces_the_fields(api: Api, shards: int) -> None:
    api.create(text={"old": {}}, shards=shards)
    api.add(*({"id": str(number), "vector": [number + 1, 1], "metadata": {"body": "red"}} for number in range(9)))
    patched = api.send("PATCH", "/indexes/t", {"text": TEXT})
    assert (patched.status, patched.json["index"]["text"], patched.json["count"]) == (200, SHOWN, 9)
    assert shown(api) == SHOWN
    assert patched.etag == api.send("GET", "/indexes/t").etag == api.send("PATCH", "/indexes/t", {"text": TEXT}).etag
    removed = api.send("PATCH", "/indexes/t", {"text": None})
    assert "text" not in removed.json["index"]
    assert shown(api) is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"text": {}}, 422),
        ({"text": {"body": {"language": "klingon"}}}, 422),
        ({"text": {"body": {}}, "m": 3}, 422),
        ('{"text": {"body": {}, "body": {}}}', 422),
        ('{"text"', 400),
    ],
)
@pytest.mark.parametrize("shards", [1, 3])
def test_a_patch_that_is_not_valid_changes_nothing(ephemeral: Api, shards: int, body: Any, status: int) -> None:
    etag = ephemeral.create(text=TEXT, shards=shards).etag
    assert ephemeral.send("PATCH", "/indexes/t", body).status == status
    assert (ephemeral.send("GET", "/indexes/t").etag, shown(ephemeral)) == (etag, SHOWN)


def test_a_patch_has_the_preconditions_of_a_write(ephemeral: Api) -> None:
    etag = ephemeral.create().etag
    assert ephemeral.send("PATCH", "/indexes/t", {"text": TEXT}, headers={"If-Match": '"0"'}).status == 412
    assert shown(ephemeral) is None
    assert ephemeral.send("PATCH", "/indexes/t", {"text": TEXT}, headers={"If-Match": etag}).status == 200
    assert ephemeral.send("PATCH", "/indexes/missing", {"text": TEXT}).status == 404


def test_a_copy_declares_the_same_fields(api: Api) -> None:
    api.create(text=TEXT)
    copied = api.send("POST", "/indexes/t/copy", {"to": "u"})
    assert (copied.status, copied.json["index"]["text"]) == (201, SHOWN)


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("body", "text must be an object: "),
        (["body"], "text must be an object: "),
        ({"body": "english"}, "`text[...]`"),
        ({"body": {"language": 5}}, "`text[...].language`"),
        ({"body": {"stopwords": "no"}}, "`text[...].stopwords`"),
        ({"body": {"stemmer": "porter"}}, "`stemmer`"),
        ({}, "text must have 1 to 16 fields, not 0"),
        ({**SIXTEEN, "f16": {}}, "text must have 1 to 16 fields, not 17"),
        ({"": {}}, "the path of a field of text must be 1 to 1,024 characters long, not 0"),
        ({"p" * 1_025: {}}, "the path of a field of text must be 1 to 1,024 characters long, not 1,025"),
        ({"by.title": {"language": "klingon"}}, "text.by.title.language is 'klingon'"),
        ({"body": {"language": "English"}}, "text.body.language is 'English'"),
        ({"body": {"language": ""}}, "the language of a field of text must be 1 to 64 characters long"),
        ({"body": {"language": "e" * 65}}, "the language of a field of text must be 1 to 64 characters long"),
    ],
)
def test_fields_that_are_not_valid_create_nothing(ephemeral: Api, shards: int, text: Any, detail: str) -> None:
    for answer in (
        ephemeral.create(text=text, shards=shards),
        ephemeral.send("PUT", "/indexes/t", {"dimension": 2, "text": text, "shards": shards}),
    ):
        assert (answer.status, answer.json["type"]) == (422, f"{PROBLEM}request-invalid")
        assert detail in answer.json["detail"]
    assert ephemeral.send("GET", "/indexes").json["indexes"] == []


@pytest.mark.parametrize("inner", ['"body": {}, "body": {}', '"body": {"language": "german", "language": "english"}'])
def test_a_field_that_occurs_twice_is_refused(ephemeral: Api, inner: str) -> None:
    answer = ephemeral.send("PUT", "/indexes/t", f'{{"dimension": 2, "text": {{{inner}}}}}')
    assert (answer.status, answer.json["type"]) == (422, f"{PROBLEM}request-invalid")
    assert "more than once" in answer.json["detail"]
