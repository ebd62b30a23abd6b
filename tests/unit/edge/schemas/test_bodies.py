"""Bodies of requests: only JSON of the expected shape is accepted, and each invalid item of a batch is reported."""

import base64
import json
from typing import Any

import msgspec
import numpy as np
import pytest

from vectord.edge.schemas import bodies
from vectord.edge.schemas.bodies import AddBody, CreateBody, DeleteBody, PatchBody
from vectord.edge.schemas.search_bodies import SearchBody
from vectord.errors import BadItem, BatchInvalid, MalformedJson, RequestInvalid
from vectord.readers.entry import MAX_NESTING, Entry, NewVector

DEEP = 100_000


def entries(text: str) -> list[Entry]:
    return bodies.entries(bodies.decode(text.encode(), AddBody).vectors)


def entry(text: str) -> Entry:
    (only,) = entries(f'{{"vectors":[{text}]}}')
    return only


def good(text: str) -> NewVector:
    found = entry(text)
    assert isinstance(found, NewVector), found
    return found


def bad(text: str) -> BadItem:
    found = entry(text)
    assert isinstance(found, BadItem), found
    return found


NOT_JSON = {
    "nothing": b"",
    "a word": b"hello",
    "cut short": b'{"vector":[1',
    "more than one value": b'{"vector":[1]} {}',
    "a comma too many": b'{"vector":[1,]}',
    "single quotes": b"{'vector':[1]}",
    "NaN": b'{"vector":[NaN]}',
    "Infinity": b'{"vector":[Infinity]}',
    "minus Infinity": b'{"vector":[-Infinity]}',
    "a leading zero": b'{"vector":[01]}',
    "half an escape": b'{"vector":"\\ud800"}',
    "bytes that are not UTF-8": b'{"vector":"\xff"}',
    "a surrogate in UTF-8": b'{"vector":"\xed\xa0\x80"}',
    "UTF-16": '{"vector":[1]}'.encode("utf-16"),
    "arrays without end": b'{"vector":' + b"[" * DEEP,
    "a wrong type before broken text": b'{"k":"4","vector":[1',
    "a number out of range before broken text": b'{"vector":[1e400"]}',
    "an unknown field with both": b'{"queries":[{"id":"a","vector":[-3e700e9"]}}\\}',
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_text_that_is_not_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedJson):
        bodies.decode(body, SearchBody)


@pytest.mark.parametrize("body", ["[]", "null", "7", '"text"'])
@pytest.mark.parametrize(
    "kind", [CreateBody, AddBody, DeleteBody, PatchBody, SearchBody], ids=lambda kind: kind.__name__
)
def test_json_of_another_shape_is_invalid(body: str, kind: type) -> None:
    with pytest.raises(RequestInvalid) as caught:
        bodies.decode(body.encode(), kind)
    assert not isinstance(caught.value, MalformedJson)


CREATE = {"name": "t", "dimension": 3}
SEARCH = {"vector": [1, 2]}
WRONG: list[tuple[type, dict[str, Any]]] = [
    *((CreateBody, {**CREATE, "dimension": value}) for value in ("4", 4.5, 4.0, True, None, [4], {}, 1e400)),
    *((CreateBody, {**CREATE, "name": value}) for value in (7, None, ["t"])),
    *((CreateBody, {**CREATE, "m": value}) for value in ("16", 16.0, False)),
    *((CreateBody, {**CREATE, "ef_search": value}) for value in ("20", 20.5, True)),
    (CreateBody, {**CREATE, "distance": 1}),
    (CreateBody, {**CREATE, "metric": "cosine"}),
    (CreateBody, {"name": "t"}),
    (CreateBody, {"dimension": 3}),
    (AddBody, {"vectors": {}}),
    (AddBody, {"vectors": [], "upsert": True}),
    (DeleteBody, {"ids": "a"}),
    (DeleteBody, {"id": ["a"]}),
    *((SearchBody, {**SEARCH, "k": value}) for value in ("10", 10.0, True, None, [10])),
    *((SearchBody, {**SEARCH, "ef_search": value}) for value in ("10", 1.5, False)),
    *((SearchBody, {**SEARCH, "include": value}) for value in ("vector", ["vectors"], [1], None)),
    *((SearchBody, {"vector": value}) for value in (7, {}, [[1]], ["1"], [True], [None], [1e400])),
    (SearchBody, {**SEARCH, "filters": {}}),
    *((kind, {}) for kind in (CreateBody, AddBody, PatchBody)),
    (PatchBody, {"ids": ["a"]}),
    *((PatchBody, {"metadata": {}, "mode": value}) for value in ("add", None, 1)),
    (DeleteBody, {"filter": {"a": 1}, "dry_run": "yes"}),
]


@pytest.mark.parametrize(
    ("kind", "body"), WRONG, ids=[f"{kind.__name__}-{json.dumps(body)}"[:70] for kind, body in WRONG]
)
def test_wrong_types_and_unknown_fields_are_invalid(kind: type, body: dict[str, Any]) -> None:
    with pytest.raises(RequestInvalid) as caught:
        # 1e400 is JSON, although Python would write Infinity
        bodies.decode(json.dumps(body).replace("Infinity", "1e400").encode(), kind)
    assert not isinstance(caught.value, MalformedJson)


def test_numbers_of_thousands_of_digits_are_refused() -> None:
    with pytest.raises(RequestInvalid):
        bodies.decode(b'{"vector":[1],"k":' + b"9" * 5_000 + b"}", SearchBody)


def test_a_search_is_for_ten_matches_with_metadata_by_default() -> None:
    body = bodies.decode(b'{"vector":[1]}', SearchBody)
    assert (body.k, body.ef_search, body.include) == (10, None, ["metadata"])


@pytest.mark.parametrize("include", [[], ["metadata"], ["vector"], ["vector", "metadata"]])
def test_a_search_may_choose_what_to_include(include: list[str]) -> None:
    assert bodies.decode(json.dumps({"vector": [1], "include": include}).encode(), SearchBody).include == include


@pytest.mark.parametrize("body", ['{"vectors":[]}', '{"vectors": [ ]}'])
def test_an_empty_batch_is_refused(body: str) -> None:
    with pytest.raises(RequestInvalid, match="empty"):
        entries(body)


def test_an_empty_list_of_ids_is_refused() -> None:
    with pytest.raises(RequestInvalid, match="empty"):
        bodies.ids([])


class TestVector:
    def test_is_numbers(self) -> None:
        assert good('{"id":"a","vector":[1,-2.5,1e-3]}').vector.tolist() == [1, -2.5, 1e-3]

    def test_is_base64_of_little_endian_float32(self) -> None:
        packed = base64.b64encode(np.array([1, -2.5, -0.0], "<f4").tobytes()).decode()
        vector = good(f'{{"id":"a","vector":"{packed}"}}').vector
        assert vector.tobytes() == np.array([1, -2.5, -0.0], "<f4").tobytes()

    def test_keeps_values_outside_float32_for_the_validation(self) -> None:
        assert good('{"id":"a","vector":[1e39]}').vector.tolist() == [1e39]

    @pytest.mark.parametrize("vector", ['"AAA="', '"AAAAAAA="', '"not base64!"', '"AAAA AAAA"', '"ü"', '"_-8="'])
    def test_that_is_not_base64_of_float32_is_invalid(self, vector: str) -> None:
        assert bad(f'{{"id":"a","vector":{vector}}}').id == "a"

    @pytest.mark.parametrize("vector", ["7", "null", "{}", "[[1]]", '["1"]', "[true]", "[null]", "[1e400]"])
    def test_of_any_other_type_is_invalid(self, vector: str) -> None:
        assert bad(f'{{"id":"a","vector":{vector}}}').id == "a"


class TestItem:
    @pytest.mark.parametrize("text", ["5", "null", '"a"', "[]", "{}", '{"vector":[1]}', '{"id":null,"vector":[1]}'])
    def test_without_an_id_is_invalid(self, text: str) -> None:
        assert bad(text).id is None

    @pytest.mark.parametrize("vector_id", ["7", "7.5", "true", "[]", "{}"])
    def test_whose_id_is_not_text_is_invalid(self, vector_id: str) -> None:
        assert bad(f'{{"id":{vector_id},"vector":[1]}}').id is None

    @pytest.mark.parametrize("text", ['{"id":"a"}', '{"id":"a","vector":[1],"meta":{}}'])
    def test_with_a_missing_or_unknown_field_is_invalid(self, text: str) -> None:
        assert bad(text).id == "a"

    def test_is_reported_by_its_position(self) -> None:
        found = entries('{"vectors":[{"id":"a","vector":[1]},5,{"id":"b","vector":[1]},{"id":"c"}]}')
        positions = [(item.position, item.id) for item in found if isinstance(item, BadItem)]
        assert positions == [(1, None), (3, "c")]


class TestMetadata:
    @pytest.mark.parametrize("text", ['{"id":"a","vector":[1]}', '{"id":"a","vector":[1],"metadata":null}'])
    def test_absent_or_null_is_none(self, text: str) -> None:
        assert good(text).metadata is None

    @pytest.mark.parametrize("value", ["{}", "[]", "0", '""', "false", '{"x":[1,{"y":null}]}', '"\\ud83d\\ude00"'])
    def test_of_any_other_value_is_stored_as_json(self, value: str) -> None:
        stored = good(f'{{"id":"a","vector":[1],"metadata":{value}}}').metadata
        assert stored is not None
        assert msgspec.json.decode(stored) == json.loads(value)

    def test_of_a_number_keeps_its_digits(self) -> None:
        stored = good('{"id":"a","vector":[1],"metadata":1.10}').metadata
        assert stored is not None
        assert bytes(stored) == b"1.10"

    @pytest.mark.parametrize("value", ["1e400", "9" * 5_000])
    def test_of_a_number_out_of_range_is_invalid(self, value: str) -> None:
        assert bad(f'{{"id":"a","vector":[1],"metadata":{value}}}').id == "a"

    def test_may_be_nested_up_to_the_limit(self) -> None:
        depth = MAX_NESTING
        good(f'{{"id":"a","vector":[1],"metadata":{"[" * depth + "]" * depth}}}')
        assert "nested" in bad(f'{{"id":"a","vector":[1],"metadata":{"[" * (depth + 1) + "]" * (depth + 1)}}}').reason

    @pytest.mark.parametrize("opening", ["[", '{"x":'])
    def test_nested_very_deeply_is_refused(self, opening: str) -> None:
        closing = "]" if opening == "[" else "}"
        text = opening * DEEP + "1" + closing * DEEP
        with pytest.raises((MalformedJson, BatchInvalid)):
            found = entries(f'{{"vectors":[{{"id":"a","vector":[1],"metadata":{text}}}]}}')
            raise BatchInvalid([item for item in found if isinstance(item, BadItem)])


class TestIds:
    def test_are_any_text(self) -> None:
        body = bodies.decode('{"ids":["a/b","","ü😀","\\u0000"]}'.encode(), DeleteBody)
        assert bodies.ids(body.ids) == ["a/b", "", "ü😀", "\x00"]

    def test_that_are_not_text_are_listed_by_position(self) -> None:
        body = bodies.decode(b'{"ids":["a",7,"b",null,["c"]]}', DeleteBody)
        with pytest.raises(BatchInvalid) as caught:
            bodies.ids(body.ids)
        assert [item.position for item in caught.value.items] == [1, 3, 4]
