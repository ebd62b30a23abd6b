"""The text fields of an index, as the client declares and reads them."""

from collections.abc import Iterator

import pytest

from vectord_client import (
    ArgumentInvalid,
    AsyncClient,
    Client,
    IndexExists,
    PreconditionFailed,
    RequestInvalid,
    TextField,
)
from vectord_client.text_values import TextFields

SEARCHABLE = TextField(searchable=True)


@pytest.fixture
def client(target: str) -> Iterator[Client]:
    with Client(target) as client:
        yield client


@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        ("body", {"body": SEARCHABLE}),
        (["body", "by.title"], {"body": SEARCHABLE, "by.title": SEARCHABLE}),
        (
            {"body": {}, "title": TextField("german", stopwords=False), "code": {"language": None}},
            {
                "body": SEARCHABLE,
                "title": TextField("german", stopwords=False, searchable=True),
                "code": TextField(None, searchable=True),
            },
        ),
    ],
)
def test_a_new_index_declares_fields(client: Client, given: TextFields, recorded: dict[str, TextField]) -> None:
    assert client.create_index("t", dimension=2, text=given).info().parameters.text == recorded


def test_an_index_without_fields_has_none(client: Client) -> None:
    assert client.create_index("t", dimension=2).info().parameters.text is None


def test_an_index_that_exists_is_accepted_with_the_same_fields_only(client: Client) -> None:
    index = client.create_index("t", dimension=2, text={"body": {"language": "german"}})
    recorded = index.info().parameters.text
    client.create_index("t", dimension=2, text=recorded, exist_ok=True)
    index.create(dimension=2, exist_ok=True)
    with pytest.raises(IndexExists, match="text is"):
        client.create_index("t", dimension=2, text="body", exist_ok=True)


def test_other_fields_are_declared_later(client: Client) -> None:
    index = client.create_index("t", dimension=2, text="body")
    index.add([("a", [1, 0], {"title": "Red Heat"})])
    declared = index.declare_text({"title": {"language": None}})
    assert (declared.parameters.text, declared.count) == ({"title": TextField(None, searchable=True)}, 1)
    with pytest.raises(PreconditionFailed):
        index.declare_text("other", if_match='"0"')
    assert index.declare_text(None, if_match=declared.etag).parameters.text is None
    assert index.info().parameters.text is None


async def test_the_asynchronous_client_declares_them_too(target: str) -> None:
    async with AsyncClient(target) as client:
        index = await client.create_index("t", dimension=2, text="body")
        declared = await index.declare_text(["title"])
        assert declared.parameters.text == (await index.info()).parameters.text == {"title": SEARCHABLE}


def test_options_of_another_form_are_refused(client: Client) -> None:
    with pytest.raises(ArgumentInvalid, match="language and stopwords"):
        client.create_index("t", dimension=2, text={"body": {"lang": "german"}})
    with pytest.raises(RequestInvalid, match=r"text\.body\.language"):
        client.create_index("t", dimension=2, text={"body": {"language": "klingon"}})
