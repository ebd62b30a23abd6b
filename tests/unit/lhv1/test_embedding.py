"""The key `embedding` of an envelope's `params`: the embedding model of an index, and which values a reader refuses."""

import json
import struct
import zlib
from typing import Any

import pytest

from vectord.errors import BlobCorrupt, BlobUnsupported, RequestInvalid
from vectord.lhv1 import frame
from vectord.lhv1.frame import Envelope
from vectord.lhv1.params import Embedding, Params, new_params

OUT_OF_RANGE = [
    pytest.param({"model": ""}, "embedding.model must be 1 to 256 characters long, not 0", id="no name"),
    pytest.param({"model": "é" * 257}, "embedding.model must be 1 to 256 characters long, not 257", id="a long name"),
    pytest.param({"model": "a\nb"}, "embedding.model must not have control characters", id="a line break in a name"),
    pytest.param({"model": "a\x7f"}, "embedding.model must not have control characters", id="DEL in a name"),
    pytest.param(
        {"model": "m", "query_prefix": "é" * 1_025},
        "embedding.query_prefix must be at most 1,024 characters long, not 1,025",
        id="a long query prefix",
    ),
    pytest.param(
        {"model": "m", "document_prefix": "é" * 1_025},
        "embedding.document_prefix must be at most 1,024 characters long, not 1,025",
        id="a long document prefix",
    ),
]


def read(stored: Any) -> Any:
    """Return the record that a reader finds in an index without rows, whose `params` have `stored`."""
    envelope = {"version": 2, "params": {"name": "films", "dimension": 3, "embedding": stored}}
    covered = json.dumps(envelope)[:-1].encode()
    raw = covered + f',"crc32":"{zlib.crc32(covered):08x}"}}'.encode()
    return frame.decode(struct.pack(">4sI", b"LHV1", len(raw)) + raw)[0].envelope.params.embedding


def test_an_index_without_a_model_does_not_have_the_key() -> None:
    assert b"embedding" not in frame.encode_head(Envelope(2, Params("t", 3)))


@pytest.mark.parametrize(
    "stored",
    [
        Embedding("m"),
        Embedding("é" * 256, "q" * 1_024, "é" * 1_024),
        Embedding("intfloat/e5-mistral-7b-instruct", "Instruct: Find films.\nQuery: ", "\t"),
    ],
)
@pytest.mark.parametrize("more", [{}, {"shards": 2, "generation": "g"}, {"name": "films/g/0"}])
def test_values_at_the_limits_read_as_they_were_written(stored: Embedding, more: dict[str, Any]) -> None:
    params = Params(**{"name": "films", "dimension": 3, "embedding": stored, **more})
    assert frame.decode(frame.encode_head(Envelope(2, params)))[0].envelope.params == params


def test_absent_prefixes_are_empty() -> None:
    assert read({"model": "m"}) == Embedding("m", "", "")


@pytest.mark.parametrize(("stored", "reason"), OUT_OF_RANGE)
def test_a_stored_value_out_of_range_is_corrupt(stored: dict[str, str], reason: str) -> None:
    with pytest.raises(BlobCorrupt, match=reason):
        read(stored)


@pytest.mark.parametrize(("given", "reason"), OUT_OF_RANGE)
def test_a_value_out_of_range_makes_no_index(given: dict[str, str], reason: str) -> None:
    with pytest.raises(RequestInvalid, match=reason):
        new_params("films", 3, embedding=Embedding(**given))


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param({"model": "m", "revision": "1"}, id="an unknown key"),
        pytest.param({"model": 1}, id="a number for a name"),
        pytest.param({"model": "m", "query_prefix": None}, id="null for a prefix"),
        pytest.param({"query_prefix": "q"}, id="no name"),
        pytest.param(None, id="null"),
        pytest.param("m", id="a text"),
    ],
)
def test_a_later_form_of_the_key_is_unsupported(stored: Any) -> None:
    with pytest.raises(BlobUnsupported):
        read(stored)
