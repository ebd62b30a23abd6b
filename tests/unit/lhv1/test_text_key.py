"""The key `text` of an envelope: the fields and fronts of its sections of texts, and what contradicts it."""

import json
import struct
import zlib
from typing import Any

import msgspec
import pytest

from vectord.errors import BlobCorrupt, BlobUnsupported, RequestInvalid
from vectord.lhv1 import frame
from vectord.lhv1.frame import Envelope
from vectord.lhv1.params import Params, new_params
from vectord.lhv1.text_fields import (
    MAX_FIELDS,
    MAX_SPARSE,
    SPARSE,
    TextField,
    TextShape,
    numbered,
    sparse_numbers,
    text_shape,
)

FIELDS = {"body": {"language": "german", "stopwords": False}, "title": {}}
KEY = {"analysis": "words-1", "fields": FIELDS, "fronts": [7, 8, 9]}
NAMES = ["piece", "piece-text", "piece", "piece-text", "text", "rows", "graph"]


def blob(names: list[str] = NAMES, text: Any = KEY, **changed: Any) -> bytes:
    """Return a blob with two pieces, of 3 and 5 rows, before a graph of 4 rows."""
    sections = [{"name": name, "bytes": 0, "crc32": "00000000", "id": f"{at}"} for at, name in enumerate(names)]
    envelope = {
        "version": 2,
        "params": {"name": "n", "dimension": 3, "text": FIELDS},
        "sections": sections,
        "graph_rows": 4,
        "pieces": [3, 5],
        "text": text,
        **changed,
    }
    covered = json.dumps({key: value for key, value in envelope.items() if value is not None})[:-1].encode()
    raw = covered + f',"crc32":"{zlib.crc32(covered):08x}"}}'.encode()
    return struct.pack(">4sI", b"LHV1", len(raw)) + raw


def test_the_fields_and_fronts_are_read() -> None:
    envelope = frame.decode(blob())[0].envelope
    fields = {"body": TextField("german", stopwords=False), "title": TextField("english")}
    assert (envelope.params.text, envelope.text) == (fields, TextShape("words-1", fields, (7, 8, 9)))
    assert numbered(fields) == [("body", fields["body"]), ("title", fields["title"])]


def test_the_samples_of_sections_are_read_and_may_be_absent() -> None:
    fields = {"body": TextField("german", stopwords=False), "title": TextField("english")}
    envelope = frame.decode(blob(text={**KEY, "samples": ["", "AQI=", ""]}))[0].envelope
    assert envelope.text == TextShape("words-1", fields, (7, 8, 9), (b"", b"\1\2", b""))
    assert envelope.text.of_sections == [(7, b""), (8, b"\1\2"), (9, b"")]
    assert text_shape(fields, envelope.text.of_sections) == envelope.text
    assert text_shape(fields, [(7, b"")]) == TextShape("words-1", fields, (7,))


def test_samples_of_other_sections_are_refused() -> None:
    with pytest.raises(BlobCorrupt, match="the samples of 2 sections, but there are 3"):
        frame.decode(blob(text={**KEY, "samples": ["", ""]}))


def test_the_keys_are_written_only_with_texts() -> None:
    assert b"text" not in frame.encode_head(Envelope(2, Params("n", 3)))


def test_fields_may_be_declared_before_there_are_texts() -> None:
    without = ["piece", "piece", "rows", "graph"]
    envelope = frame.decode(blob(without, text=None))[0].envelope
    assert (envelope.text, envelope.params.text) == (
        msgspec.UNSET,
        {"body": TextField("german", False), "title": TextField()},
    )


OF_SPARSE = {"language": None, "stopwords": False, "sparse": True}


def test_a_field_of_sparse_vectors_is_read_and_numbered_among_the_others() -> None:
    fields = {**FIELDS, "of.splade": OF_SPARSE}
    envelope = frame.decode(
        blob(text={**KEY, "fields": fields}, params={"name": "n", "dimension": 3, "text": {"of.splade": OF_SPARSE}})
    )[0].envelope
    assert envelope.params.text == {"of.splade": SPARSE}
    assert (envelope.text or KEY) == TextShape(
        "words-1", {"body": TextField("german", False), "title": TextField(), "of.splade": SPARSE}, (7, 8, 9)
    )
    assert sparse_numbers(envelope.text.fields if envelope.text else {}) == {1}


def test_a_field_of_texts_is_written_as_before_there_were_sparse_vectors() -> None:
    written = frame.encode_head(Envelope(2, Params("n", 3, text={"body": TextField()})))
    assert b'"text":{"body":{"language":"english","stopwords":true}}' in written


CONTRADICTIONS = {
    "no key": blob(text=None),
    "no sections": blob(["piece", "piece", "rows", "graph"]),
    "fewer fronts than sections": blob(text={**KEY, "fronts": [7, 8]}),
    "more fronts than sections": blob(text={**KEY, "fronts": [7, 8, 9, 10]}),
    "a front of 0 bytes": blob(text={**KEY, "fronts": [7, 0, 9]}),
    "a negative front": blob(text={**KEY, "fronts": [7, -8, 9]}),
    "no fields": blob(text={**KEY, "fields": {}}),
    "an empty path": blob(text={**KEY, "fields": {"": {}}}),
    "too many fields": blob(text={**KEY, "fields": {f"{number}": {} for number in range(MAX_FIELDS + 1)}}),
    "a piece without texts": blob(["piece", "piece-text", "piece", "text", "rows", "graph"], {**KEY, "fronts": [7, 8]}),
    "pieces without texts": blob(["piece", "piece", "text", "rows", "graph"], {**KEY, "fronts": [9]}),
    "a graph without texts": blob(NAMES[:4] + NAMES[5:], {**KEY, "fronts": [7, 8]}),
    "texts before their piece": blob(["piece-text", "piece", "piece", "piece-text", "text", "rows", "graph"]),
    "texts of a piece behind the base": blob(["piece", "piece", "piece-text", "text", "rows", "graph", "piece-text"]),
    "texts twice": blob([*NAMES, "text"], {**KEY, "fronts": [7, 8, 9, 10]}),
    "texts beside a section tail": blob(["text", "rows", "graph", "tail"], {**KEY, "fronts": [9]}, pieces=None),
    "declared fields without a path": blob(params={"name": "n", "dimension": 3, "text": {"": {}}}),
    "sparse vectors with a language": blob(text={**KEY, "fields": {"a": {**OF_SPARSE, "language": "german"}}}),
    "sparse vectors with stop words": blob(text={**KEY, "fields": {"a": {**OF_SPARSE, "stopwords": True}}}),
    "sparse vectors without a name": blob(text={**KEY, "fields": {"": OF_SPARSE}}),
    "too many sparse vectors": blob(text={**KEY, "fields": {f"{n}": OF_SPARSE for n in range(MAX_SPARSE + 1)}}),
    "no declared field": blob(params={"name": "n", "dimension": 3, "text": {}}),
}


@pytest.mark.parametrize("data", CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_a_contradiction_is_corrupt(data: bytes) -> None:
    with pytest.raises(BlobCorrupt):
        frame.decode(data)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param({**KEY, "analysis": "words-2"}, id="another analysis"),
        pytest.param({**KEY, "more": 1}, id="another key"),
        pytest.param({**KEY, "fields": {"body": {"stem": True}}}, id="another option of a field"),
        pytest.param({**KEY, "fields": {"body": {"sparse": False}}}, id="another value of an option"),
        pytest.param({**KEY, "fields": ["body"]}, id="fields as a list"),
        pytest.param({**KEY, "fronts": [7.5, 8, 9]}, id="half a byte"),
    ],
)
def test_another_form_of_the_key_is_unsupported(text: Any) -> None:
    with pytest.raises(BlobUnsupported):
        frame.decode(blob(text=text))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({f"{number}": TextField() for number in range(MAX_FIELDS + 1)}, "1 to 16 fields, not 17"),
        ({"": TextField()}, "must be 1 to 1,024 characters"),
        ({"x" * 1_025: TextField()}, "not 1,025"),
        ({"body": TextField("")}, "language"),
        ({f"{number}": SPARSE for number in range(MAX_SPARSE + 1)}, "1 to 4 names, not 5"),
        ({"": SPARSE}, "name of sparse vectors must be 1 to 1,024"),
    ],
)
def test_fields_that_an_index_cannot_have_are_refused(fields: dict[str, TextField], message: str) -> None:
    with pytest.raises(RequestInvalid, match=message):
        new_params("n", 3, text=fields)
