"""The envelope's key `s3vectors`: what an index of a vector bucket stores, and which values a reader refuses."""

import json
import struct
import zlib
from typing import Any

import pytest

from vectord.errors import BlobCorrupt, BlobUnsupported
from vectord.lhv1 import frame
from vectord.lhv1.bucket_index import BucketIndex
from vectord.lhv1.frame import Envelope
from vectord.lhv1.params import Params


def blob(**keys: Any) -> bytes:
    """Return an index without rows, with more keys in its envelope."""
    envelope = {"version": 2, "params": {"name": "films_all", "dimension": 3}, **keys}
    covered = json.dumps(envelope)[:-1].encode()
    raw = covered + f',"crc32":"{zlib.crc32(covered):08x}"}}'.encode()
    return struct.pack(">4sI", b"LHV1", len(raw)) + raw


def read(stored: Any) -> Any:
    return frame.decode(blob(s3vectors=stored))[0].envelope.s3vectors


def tags(count: int, key_length: int = 3, value: str = "v") -> dict[str, str]:
    return {f"{number:0{key_length}}": value for number in range(count)}


def test_an_index_outside_vector_buckets_does_not_have_the_key() -> None:
    head = frame.encode_head(Envelope(2, Params("t", 3)))
    assert b"s3vectors" not in head
    assert not frame.decode(head)[0].envelope.s3vectors


@pytest.mark.parametrize(
    "stored",
    [
        BucketIndex(0),
        BucketIndex(253_402_300_799, ("k" * 63, *"abcdefghi"), tags(50, 128, "é" * 256), "CLASSIC"),
        BucketIndex(1_790_000_000, ("é" * 63, "$a.b"), {" ": ""}, "ENHANCED"),
    ],
)
def test_values_at_the_limits_read_as_they_were_written(stored: BucketIndex) -> None:
    head = frame.encode_head(Envelope(2, Params("films_all", 3), s3vectors=stored))
    assert frame.decode(head)[0].envelope.s3vectors == stored


def test_absent_members_have_defaults() -> None:
    assert read({"created": 7}) == BucketIndex(7, (), {}, "ENHANCED")


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"created": -1}, id="before 1970"),
        pytest.param({"created": 253_402_300_800}, id="after the year 9999"),
        pytest.param({"created": 2**70}, id="a huge time"),
        pytest.param({"non_filterable": [*"abcdefghijk"]}, id="11 non-filterable keys"),
        pytest.param({"non_filterable": ["a", "a"]}, id="a non-filterable key twice"),
        pytest.param({"non_filterable": [""]}, id="an empty non-filterable key"),
        pytest.param({"non_filterable": ["é" * 64]}, id="a non-filterable key of 64 characters"),
        pytest.param({"tags": tags(51)}, id="51 tags"),
        pytest.param({"tags": {"": "v"}}, id="an empty key of a tag"),
        pytest.param({"tags": tags(1, 129)}, id="a tag's key of 129 characters"),
        pytest.param({"tags": {"k": "v" * 257}}, id="a tag's value of 257 characters"),
    ],
)
def test_values_out_of_range_are_corrupt(changed: dict[str, Any]) -> None:
    with pytest.raises(BlobCorrupt, match="s3vectors"):
        read({"created": 1, **changed})


@pytest.mark.parametrize("params", [{"shards": 2, "generation": "g"}, {"name": "films_all/g/0"}])
def test_a_shard_or_an_index_with_shards_in_a_vector_bucket_is_corrupt(params: dict[str, Any]) -> None:
    params = {"name": "films_all", "dimension": 3, **params}
    assert frame.decode(blob(params=params))
    with pytest.raises(BlobCorrupt, match="shard"):
        frame.decode(blob(params=params, s3vectors={"created": 1}))


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param({"created": 1, "text_search": []}, id="an unknown key"),
        pytest.param({"created": 1, "mode": "TURBO"}, id="an unknown mode"),
        pytest.param({"created": 1.5}, id="a fraction of a second"),
        pytest.param({"created": None}, id="null for a time"),
        pytest.param({"created": 1, "tags": {"k": 1}}, id="a number in a tag"),
        pytest.param({}, id="no time of creation"),
        pytest.param(None, id="null"),
        pytest.param([], id="an array"),
    ],
)
def test_a_later_form_of_the_key_is_unsupported(stored: Any) -> None:
    with pytest.raises(BlobUnsupported):
        read(stored)


def test_a_key_that_a_reader_does_not_know_is_unsupported() -> None:
    """A vectord from before `s3vectors` refuses it by this rule, and so cannot lose it at a commit."""
    with pytest.raises(BlobUnsupported, match="s3vectors_2"):
        frame.decode(blob(s3vectors_2={"created": 1}))
