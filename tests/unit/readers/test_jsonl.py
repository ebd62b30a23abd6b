"""Lines of JSON: splitting a line gives the same entry as decoding the whole line."""

import io
from collections.abc import Iterator
from time import process_time

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from vectord.errors import BadItem, FileRefused
from vectord.readers.entry import Entry, NewVector, entry_of_json
from vectord.readers.files import entries_of_file
from vectord.readers.jsonl import entries_of_lines, parse_numbers_fast


def _read(text: bytes) -> list[Entry]:
    return list(entries_of_file("x.jsonl", text, 1 << 26))


def _comparable(entry: Entry) -> object:
    """Return an entry with its vector as float32, as an index stores it."""
    if isinstance(entry, BadItem):
        return entry
    with np.errstate(over="ignore"):
        return entry.id, entry.vector.astype(np.float32).tobytes(), entry.metadata and bytes(entry.metadata)


def _entries_of_whole_lines(text: bytes) -> list[object]:
    """Return the entries that msgspec alone decodes."""
    lines = enumerate(io.BytesIO(text))
    return [_comparable(entry_of_json(position, line)) for position, line in lines if line.strip()]


SPACES = st.sampled_from(["", " ", "\t", " \r "])
ID_TEXTS = [r'"a"', r'"\u0061"', '"[1]"', r'"\"vector\":[1]"', '"vector"', '"é"', '""', "1", "null", '"a']
NUMBERS = ["[1, 2.5]", "[ ]", "[-0, -0.0, 1e-400]", "[1e39]", "[1e400]", "[9007199254740993]", f"[{2**64}]"]
NO_NUMBERS = ["[NaN]", "[01]", "[1,]", "[1 2]", "[[1],[2]]", "[[1]", "[1]]", "[1]5", '["]"]', "[true]", "[1,\x01]"]
BASE64 = ['"AACAPw=="', '"AACAPwAAAEA="', '"AACAPw"', '"AA=="', '""', r'"AACAPw=\u003d"', '"AACAPw==" "']
VECTOR_TEXTS = [*NUMBERS, *NO_NUMBERS, *BASE64, "-7.0625e-301", "[1", "{}", "null", "1", ""]
GOOD_METADATA = ["null", '{"n": 1.0}', '{"vector": [1]}', '{"vector":"AACAPw=="}', "[[]]", '"]"', '"-7.0625e-301"']
BAD_METADATA = ["1e400", "1" * 400, "{", "", "[1,]", "[" * 101 + "]" * 101, r'"\ud800"', '1, "id": "b"']
METADATA_TEXTS = [*GOOD_METADATA, *BAD_METADATA, r'{"a\"vector": [1]}']
FIELDS = st.one_of(
    st.tuples(st.just("id"), st.sampled_from(ID_TEXTS)),
    st.tuples(st.sampled_from(["vector", "vector", "\\u0076ector"]), st.sampled_from(VECTOR_TEXTS)),
    st.tuples(st.just("metadata"), st.sampled_from(METADATA_TEXTS)),
    st.tuples(st.sampled_from(["other", "vectors", 'a\\"vector']), st.sampled_from(VECTOR_TEXTS)),
)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """Lines as callers write them, in any order of fields, and lines with something wrong with them."""
    usual = [
        ("id", draw(st.sampled_from(ID_TEXTS))),
        ("vector", draw(st.sampled_from(VECTOR_TEXTS))),
        *draw(st.lists(FIELDS, max_size=2)),
    ]
    good = [
        ("id", draw(st.sampled_from(ID_TEXTS[:7]))),
        ("vector", draw(st.sampled_from(NUMBERS + BASE64))),
        ("metadata", draw(st.sampled_from(GOOD_METADATA))),
    ]
    fields = draw(st.one_of(st.permutations(good), st.permutations(usual), st.lists(FIELDS, max_size=4)))
    one, two, three = draw(SPACES), draw(SPACES), draw(SPACES)
    text = f"{one}{{{two}" + f"{one},{two}".join(f'"{key}"{three}:{two}{value}' for key, value in fields) + f"{one}}}"
    line = bytearray((text + draw(st.sampled_from([*[""] * 9, " ", "]", "\x0c", "{}"]))).encode())
    for place, byte in draw(st.sampled_from([[], [], [(draw(st.integers(0, 100)), draw(st.integers(0, 255)))]])):
        line[place : place + draw(st.integers(0, 2))] = bytes([byte])
    return bytes(line)


@given(st.lists(lines(), max_size=3).map(b"\n".join))
@example(b'{"id":"a[1]","vector":[]}')
@example(b'{"metadata":{"vector":[1]},"id":"a","vector":-7.0625e-301}')
@example(b'{"id":"a","vector":[1,\n2]}')
@example(b'{"id":"a","vector":[1]}' + b"\n" * 300 + b'{"id":"b","vector":[1,2]}')
@example(b'{"id":"\xff","vector":[1]}')
@pytest.mark.slow
def test_a_split_line_gives_the_entry_of_the_whole_line(text: bytes) -> None:
    assume(b"\0" not in text[:8])  # the file would be refused as UTF-16
    assert [_comparable(entry) for entry in _read(text)] == _entries_of_whole_lines(text)


def test_blank_lines_are_skipped_at_once() -> None:
    """A compressed file of some hundred kilobytes may have a hundred million of them."""
    blank = b" \t\r\n\n" * 10_000_000
    start = process_time()
    (entry,) = _read(blank + b' {"id":"a","vector":[1]}')
    assert entry.position == 20_000_000
    assert process_time() - start < 5


ONCE = [
    r'"id":"a","vector":[1]',
    r'"id":"a:b","vector":[1],"metadata":{"a:":":"}',
    r'"id":"a\u003ab","vector":"AACAPw==","metadata":null',
    r'"id":"\":","vector":[1],"metadata":"\":"',
    r'"sparse":{"vector":{"indices":[1],"values":[1]}},"id":"a","vector":[1]',
    r'"id":"a","vector":[1],"sparse":null,"metadata":{"a":1}',
]


@pytest.mark.parametrize("members", ONCE)
@pytest.mark.parametrize("again", ['"id":"b"', r'"\u0069d":"b"', '"id" : "a"', '"vector":[2]'])
def test_a_line_that_has_a_key_twice_is_a_bad_row(members: str, again: str) -> None:
    good, bad = _read(f"{{{members}}}\n{{{members},{again}}}".encode())
    assert isinstance(good, NewVector)
    assert isinstance(bad, BadItem)
    assert "more than once" in bad.reason


def test_a_repeated_value_that_is_not_utf_8_is_a_bad_row() -> None:
    (bad,) = _read(b'{"vector":"AACA\x8c","id":"a","vector":[1]}')
    assert isinstance(bad, BadItem)


def test_a_byte_order_mark_at_the_start_of_a_file_is_skipped() -> None:
    (entry,) = _read(b'\xef\xbb\xbf{"id":"a","vector":[1]}')
    assert entry.id == "a"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_file_in_utf_16_or_utf_32_is_refused_with_the_reason(encoding: str) -> None:
    with pytest.raises(FileRefused, match="UTF-16"):
        _read('{"id":"a","vector":[1]}'.encode(encoding))


FAULTS = {
    '{"id":"a","vector":[1],"metadata":"\\ud800"}': "surrogate",
    '{"id":"\\udc00","vector":[1]}': "surrogate",
    '{"id":"a","vector":[NaN]}': "NaN",
    '{"id":"a","vector":[1],"metadata":{"x":Infinity}}': "Infinity",
    '{"id":"a","vector":[1]': "cut",
    '\ufeff{"id":"a","vector":[1]}': "byte order mark",
    '{"id":"a","vector":[1],"Metadata":1}': "Metadata",
}


@pytest.mark.parametrize("line", FAULTS)
def test_a_bad_line_is_reported_with_its_cause(line: str) -> None:
    _, bad = _read(b'{"id":"a","vector":[1]}\n' + line.encode())
    assert isinstance(bad, BadItem)
    assert FAULTS[line] in bad.reason


@pytest.mark.parametrize(
    "line",
    [
        b'{"id":"a","vector":[1,2]}',
        b'{"metadata": {"n": [1]}, "vector": [1, 2], "id": "a"}\r',
        b'{"vector":"AACAPwAAAEA=","id":"\\u0061"}',
    ],
)
def test_the_vector_of_a_simple_line_is_float32(line: bytes) -> None:
    (entry,) = _read(line)
    assert isinstance(entry, NewVector)
    assert (entry.vector.dtype, entry.vector.tolist()) == (np.float32, [1, 2])


@pytest.mark.parametrize(
    "vector",
    ["[1, 2.5, -0.0]", "[]", "[[1], [2]]", '[1, "2"]', "[true]", "[null]", "[1e400]", "[1,]", "{}", "7", "null"],
)
def test_simdjson_gives_the_result_of_msgspec(vector: str) -> None:
    text = f'{{"id": "a", "vector": {vector}}}'.encode()
    expected, found = entry_of_json(0, text), entry_of_json(0, text, parse_numbers_fast)
    if isinstance(expected, NewVector) and isinstance(found, NewVector):
        assert found.vector.tobytes() == expected.vector.tobytes()
    else:
        assert found == expected


@pytest.mark.parametrize("vector", [f"[{10**30}]", '[{"a":' + '{"a":' * 2_000 + "1" + "}" * 2_001 + "]"])
def test_numbers_that_simdjson_cannot_parse_are_left_to_msgspec(vector: str) -> None:
    text = f'{{"id": "a", "vector": {vector}}}'.encode()
    assert type(entry_of_json(0, text, parse_numbers_fast)) is type(entry_of_json(0, text))


@pytest.mark.parametrize(
    "line",
    [
        b'{"id": "a", "vector": [1], "metadata": "%s"}\n' % (b"m" * 5_000_000),
        b'{"metadata": "%s", "vector": [1.0], "id": "\\u0061"}\n' % (b"m" * 5_000_000),
        b'{"id": "a", "vector": [1], "metadata": "%s"\n' % (b"m" * 5_000_000),
    ],
)
def test_no_more_than_two_long_lines_are_decoded_before_an_entry_is_returned(line: bytes) -> None:
    decoded: list[int] = []

    def blocks() -> Iterator[bytes]:
        for number in range(10):
            decoded.append(number)
            yield line

    next(entries_of_lines(blocks(), 300 << 20))
    assert len(decoded) <= 3  # the first block is looked at for a byte order mark
