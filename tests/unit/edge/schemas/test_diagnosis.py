"""The detail of a refused body names the cause and the remedy."""

import pytest

from vectord.edge.schemas import bodies
from vectord.edge.schemas.bodies import AddBody, CreateBody
from vectord.edge.schemas.search_bodies import SearchBody
from vectord.errors import BadItem, MalformedJson, RequestInvalid


def detail(body: bytes, kind: type = SearchBody) -> str:
    with pytest.raises(RequestInvalid) as caught:
        bodies.decode(body, kind)
    return str(caught.value)


MALFORMED = {
    "nothing": (b"", "is empty"),
    "white space": (b" \n", "is empty"),
    "a byte order mark": (b'\xef\xbb\xbf{"vector":[1]}', "byte order mark"),
    "UTF-16": ('{"vector":[1]}'.encode("utf-16"), "UTF-16"),
    "UTF-16 without a mark": ('{"vector":[1]}'.encode("utf-16-le"), "UTF-16"),
    "UTF-16 that was decoded as UTF-8": ('{"vector":[1]}'.encode("utf-16").decode(errors="replace").encode(), "UTF-16"),
    "UTF-32": ('{"vector":[1]}'.encode("utf-32-be"), "UTF-32"),
    "Latin-1": (b'{"id":"caf\xe9"}', "byte 10 (0xe9)"),
    "NaN": (b'{"vector":[1,NaN]}', "has NaN"),
    "Infinity": (b'{"vector":[Infinity]}', "has Infinity"),
    "minus Infinity": (b'{"vector":[-Infinity]}', "has -Infinity"),
    "the first half of a pair": (b'{"id":"\\ud83d"}', r"half of a surrogate pair at byte 7: \ud83d"),
    "the second half of a pair": (b'{"id":"x\\uDE00"}', r"at byte 8: \uDE00"),
    "two first halves": (b'{"id":"\\ud83d\\ud83d\\ude00"}', r"at byte 7: \ud83d"),
    "half a pair after an escaped backslash": (b'{"id":"\\\\\\ud83d"}', r"at byte 9: \ud83d"),
    "a cut text": (b'{"vector":[1,2', "ends before the JSON is complete, after 14 bytes"),
    "a text that was cut inside a text": (
        b'{"id":"caf\xc3\xa9 \\"x',
        "ends before the JSON is complete, after 16 bytes",
    ),
    "a text that was cut inside an escape": (b'{"id":"\\u00e', "ends before the JSON is complete, after 12 bytes"),
    "a text that was cut inside a literal": (b'{"dry_run":fals', "ends before the JSON is complete, after 15 bytes"),
    "a second line": (b'{"k":3,\n"vector":[1,]}', "line 2, column 13"),
    "a form": (b"name=t&dimension=3", "begins with 'n'"),
    "XML": (b"<search/>", "begins with '<'"),
    "deep nesting": (b'{"vector":' + b"[" * 100_000, "nested too deeply"),
}


@pytest.mark.parametrize(("body", "cause"), MALFORMED.values(), ids=MALFORMED.keys())
def test_text_that_is_not_json_is_refused_with_its_cause(body: bytes, cause: str) -> None:
    with pytest.raises(MalformedJson) as caught:
        bodies.decode(body, SearchBody)
    assert str(caught.value).startswith("The body ")
    assert cause in str(caught.value)
    assert "truncated" not in str(caught.value)


@pytest.mark.parametrize("text", ["\\\\ud83d", "\\ud83d\\ude00", "\\\\\\\\uDE00", "😀"])
def test_a_whole_pair_and_an_escaped_backslash_are_accepted(text: str) -> None:
    assert bodies.decode(f'{{"id":"{text}"}}'.encode(), SearchBody).id


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"[1]", SearchBody, ["must be a JSON object, not an array", "vectors"]),
        (b'"x"', SearchBody, ["not a text"]),
        (b"null", SearchBody, ["not null"]),
        (b"-1", SearchBody, ["not a number"]),
        (b'{"vektor":[1]}', SearchBody, ["unknown field 'vektor'", "Its fields are: vector, vectors, id"]),
        (b'{"name":"t"}', CreateBody, ["must have the field 'dimension'"]),
        (b'{"k":"3"}', SearchBody, ["k must be an integer"]),
        (b'{"k":3.5}', SearchBody, ["k must be an integer"]),
        (b'{"vector":{}}', SearchBody, ["vector must be an array of numbers or a text"]),
        (b'{"vector":[1,1e999]}', SearchBody, ["vector", "out of range", "`vector[1]`"]),
        (b'{"vectors":[[1],[2,null]]}', SearchBody, ["vectors must be", "`vectors[1][1]`"]),
        (b'{"include":["vectors"]}', SearchBody, ["include", "'distance' or 'metadata' or 'vector'", "'vectors'"]),
        (b'{"consistency":"weak"}', SearchBody, ["consistency must be 'eventual' or 'strong'"]),
        (b'{"vectors":{}}', AddBody, ["vectors must be an array"]),
        (b'{"k":1,"k":2}', SearchBody, ["'k' more than once"]),
        (b'{"vector":[1],"filter":{"k":1},"vector":[2]}', SearchBody, ["'vector' more than once"]),
        (rb'{"id":"\\","k":1,"k":2}', SearchBody, ["'k' more than once"]),
        (b'{"id":"\\\\\\"","k" : 1, "k"\n:2}', SearchBody, ["'k' more than once"]),
    ],
)
def test_json_of_another_shape_is_refused_with_the_field_and_what_it_must_be(
    body: bytes, kind: type, words: list[str]
) -> None:
    found = detail(body, kind)
    assert [word for word in words if word not in found] == []


def test_a_field_may_have_the_name_of_a_metadata_key() -> None:
    body = b'{"filter":{"k":1,"$not":{"k":2}},"k":3}'
    assert bodies.decode(body, SearchBody).k == 3


def test_a_text_may_look_like_a_field() -> None:
    assert bodies.decode(rb'{"id":"\"k\":1,\"k\":2","k":3}', SearchBody).k == 3


@pytest.mark.parametrize(
    ("item", "key"),
    [
        ('{"id":"a","id":"b","vector":[1]}', "id"),
        ('{"id":"a:b","vector":[1],"vector":[2],"metadata":{"t":"10:30"}}', "vector"),
        ('{"id":"a","vector":[1],"metadata":null,"metadata":{"x":1}}', "metadata"),
    ],
)
def test_an_item_with_a_key_twice_is_refused(item: str, key: str) -> None:
    [found] = bodies.entries(bodies.decode(f'{{"vectors":[{item}]}}'.encode(), AddBody).vectors)
    assert isinstance(found, BadItem)
    assert found.reason == f"has the key {key!r} more than once"


@pytest.mark.parametrize(
    "item",
    [
        '{"id":"a:b","vector":[1],"metadata":{"id":"x:y","vector":{"id":1}}}',
        '{"id":"a","vector":[1],"metadata":null}',
        '{"id":"\\u003a","vector":"AACAPw=="}',
    ],
)
def test_an_item_without_a_repetition_is_accepted(item: str) -> None:
    [found] = bodies.entries(bodies.decode(f'{{"vectors":[{item}]}}'.encode(), AddBody).vectors)
    assert not isinstance(found, BadItem), found
