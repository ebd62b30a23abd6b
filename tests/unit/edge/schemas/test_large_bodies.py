"""Large bodies: too many items, or many items that are not valid, are refused before all of them are decoded."""

import json
from typing import Any

import msgspec
import pytest

from vectord.edge.schemas import bodies
from vectord.edge.schemas.bodies import (
    AddBody,
    CountBody,
    DeleteBody,
    FacetsBody,
    GetBody,
    PatchBody,
)
from vectord.edge.schemas.fields import MAX_BATCH, MAX_BATCH_IDS
from vectord.edge.schemas.large_bodies import LARGE
from vectord.edge.schemas.search_bodies import RecallBody, SearchBody
from vectord.errors import MAX_BAD_ITEMS, BatchInvalid, MalformedJson, RequestInvalid, RequestTooLarge
from vectord.readers.entry import NewVector

GOOD = '{"id":"a","vector":[1,2]}'
JUNK = ["1", "null", "true", '""', '":"', "{}", "[]", "[[]]", '{"id":1,"vector":[]}', '{"id":"a"}']
BATCHES: dict[type[msgspec.Struct], tuple[str, str]] = {
    AddBody: ('{"vectors":[', "]}"),
    DeleteBody: ('{"ids": [ ', " ] }"),
    PatchBody: ('{"metadata":{"vectors":[1]},"ids":[', "]}"),
}


def repeated(item: str, size: int = 2 * LARGE) -> str:
    return ",".join([item] * (size // (len(item) + 1)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "junk"), [(kind, junk) for kind in BATCHES for junk in JUNK if kind is AddBody or not junk.startswith('"')]
)
def test_a_large_batch_of_junk_lists_the_first_items(kind: type[msgspec.Struct], junk: str) -> None:
    before, after = BATCHES[kind]
    with pytest.raises(BatchInvalid, match=f"At least {MAX_BAD_ITEMS}") as caught:
        bodies.decode((before + repeated(junk) + after).encode(), kind)
    assert [item.position for item in caught.value.items] == list(range(MAX_BAD_ITEMS))


def test_junk_after_many_good_items_is_found() -> None:
    text = f'{{"vectors":[{repeated(GOOD)},{repeated("1")}]}}'
    with pytest.raises(BatchInvalid) as caught:
        bodies.decode(text.encode(), AddBody)
    assert caught.value.items[0].position == repeated(GOOD).count("id")


@pytest.mark.slow
def test_a_large_batch_with_a_few_bad_items_names_all_of_them() -> None:
    text = f'{{"vectors":[7,{repeated(GOOD)},{{"id":"b"}},{repeated(GOOD)},null]}}'
    found = bodies.entries(bodies.decode(text.encode(), AddBody).vectors)
    bad = [at for at, entry in enumerate(found) if not isinstance(entry, NewVector)]
    count = repeated(GOOD).count("id")
    assert bad == [0, count + 1, 2 * count + 2]


def test_a_large_batch_of_ids_with_a_few_bad_ones_names_all_of_them() -> None:
    body = bodies.decode(f'{{"ids":[7,{repeated(json.dumps("ü"))},null]}}'.encode(), DeleteBody)
    with pytest.raises(BatchInvalid) as caught:
        bodies.ids(body.ids or [])
    assert [item.position for item in caught.value.items] == [0, len(body.ids or []) - 1]


@pytest.mark.parametrize("kind", BATCHES, ids=lambda kind: kind.__name__)
def test_a_large_valid_batch_is_decoded(kind: type[msgspec.Struct]) -> None:
    before, after = BATCHES[kind]
    item = GOOD if kind is AddBody else '"an id"'
    body: Any = bodies.decode((before + repeated(item) + after).encode(), kind)
    assert len(body.vectors if kind is AddBody else body.ids) == repeated(item).count(item)


@pytest.mark.slow
def test_a_batch_has_at_most_100_000_vectors() -> None:
    items = [msgspec.Raw(GOOD.encode())] * MAX_BATCH
    assert len(bodies.entries(items)) == MAX_BATCH
    with pytest.raises(RequestTooLarge, match="at most 100,000"):
        bodies.entries([*items, items[0]])


def test_a_change_has_at_most_1_000_000_ids() -> None:
    with pytest.raises(RequestTooLarge, match="at most 1,000,000"):
        bodies.ids([msgspec.Raw(b'"a"')] * (MAX_BATCH_IDS + 1))


@pytest.mark.parametrize("kind", [DeleteBody, PatchBody], ids=lambda kind: kind.__name__)
def test_too_many_ids_are_refused_before_they_are_decoded(kind: type[msgspec.Struct]) -> None:
    before, after = BATCHES[kind]
    items = ",".join(['"\\\\\\""'] * (MAX_BATCH_IDS + 1))
    with pytest.raises(RequestTooLarge, match="'ids' may have at most 1,000,000"):
        bodies.decode((before + items + after).encode(), kind)


@pytest.mark.slow
def test_of_too_many_vectors_with_a_few_bad_ones_no_more_than_the_limit_is_looked_at() -> None:
    text = f'{{"vectors":[7,{",".join([GOOD] * MAX_BATCH)}]}}'
    with pytest.raises(RequestTooLarge, match="'vectors' may have at most 100,000"):
        bodies.decode(text.encode(), AddBody)


TOO_MANY = {
    "query vectors": (SearchBody, f'{{"vectors":[{repeated("[]")}]}}', "at most 100"),
    "texts as query vectors": (SearchBody, f'{{"vectors":[{repeated(json.dumps(""))}]}}', "at most 100"),
    "probes": (RecallBody, f'{{"vectors":[{repeated("[1]")}]}}', "at most 500"),
    "ids": (GetBody, f'{{"ids":[{repeated("0")}]}}', "at most 1,000"),
    "paths": (FacetsBody, f'{{"paths":[{repeated(json.dumps("a"))}]}}', "at most 16"),
    "indices of a count": (
        CountBody,
        f'{{"sparse":{{"indices":[{repeated("1")}],"values":[1]}}}}',
        "sparse is too long",
    ),
    "indices of facets": (FacetsBody, f'{{"paths":["a"],"sparse":{{"indices":[{repeated("1")}]}}}}', "4,096 indices"),
    "components": (SearchBody, f'{{"vector":[{repeated("1")}]}}', "at most 4,096"),
    "components of one of several": (SearchBody, f'{{"vectors":[[1],[{repeated("1")}]]}}', "at most 4,096"),
}


@pytest.mark.parametrize(("kind", "text", "limit"), TOO_MANY.values(), ids=TOO_MANY.keys())
def test_too_many_items_are_refused_and_the_limit_is_named(kind: type[msgspec.Struct], text: str, limit: str) -> None:
    with pytest.raises(RequestInvalid, match=limit):
        bodies.decode(text.encode(), kind)


@pytest.mark.slow
def test_the_most_query_vectors_of_the_greatest_dimension_are_decoded() -> None:
    text = json.dumps({"vectors": [[0.123456789] * 4_096] * 100})
    assert len(bodies.decode(text.encode(), SearchBody).vectors or []) == 100


@pytest.mark.parametrize("cut", ['{"vectors":[' + repeated("1"), '{"vectors":[' + repeated(GOOD) + ",]}"])
def test_a_large_body_that_is_not_json_is_refused(cut: str) -> None:
    with pytest.raises((MalformedJson, BatchInvalid)):
        bodies.decode(cut.encode(), AddBody)


def test_a_field_twice_in_a_large_body_is_refused() -> None:
    with pytest.raises(RequestInvalid, match="'ids' more than once"):
        bodies.decode(f'{{"ids":["a"],"ids":[{repeated(json.dumps("a"))}]}}'.encode(), DeleteBody)
