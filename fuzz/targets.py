"""The fuzz targets: functions that accept any bytes, each with seeds.

A target suppresses the errors that the code documents. Any other exception, a crash, a hang or the use of 2 GB of
memory is a fault.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from fuzz import stored
from fuzz.requests import ARN_PREFIX, SEEDS
from vectord.edge.s3vectors import faults, management_shapes, policies, records, vector_shapes
from vectord.edge.s3vectors import filters as s3_filters
from vectord.edge.s3vectors.decoding import decode
from vectord.edge.s3vectors.names import Arns
from vectord.edge.schemas import bodies
from vectord.edge.schemas.search_bodies import SearchBody
from vectord.errors import BatchInvalid, FileRefused, FilterInvalid, VectordError
from vectord.filters import match, parse
from vectord.filters.tree import Words
from vectord.index.text.words import AnalysedWords
from vectord.lhv1.params import new_params
from vectord.readers.entry import NewVector
from vectord.readers.files import entries_of_file
from vectord.readers.jsonl import entries_of_lines
from vectord.service.values.validation import validated_rows
from vectord.text.languages import Analyzer
from vectord.text.query import analyse_query

ROOT = Path(__file__).parents[1]
WRITTEN = ROOT / "tests/files"


@dataclass(frozen=True)
class Target:
    """`run` must not raise for any bytes; `seeds` are inputs that reach much of the code."""

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]


SHAPES = (
    management_shapes.CreateVectorBucketInput,
    management_shapes.CreateIndexInput,
    management_shapes.ListIndexesInput,
    management_shapes.PutVectorBucketPolicyInput,
    vector_shapes.PutVectorsInput,
    vector_shapes.GetVectorsInput,
    vector_shapes.ListVectorsInput,
    vector_shapes.QueryVectorsInput,
    management_shapes.UpdateMetadataConfigurationInput,
    management_shapes.TagResourceInput,
)
KINDS = (bodies.CreateBody, bodies.AddBody, bodies.DeleteBody, SearchBody)


def _body_of_a_request(data: bytes) -> None:
    """Decode the body of each kind of request."""
    for kind in KINDS:
        try:
            body = bodies.decode(data, kind)
            if isinstance(body, bodies.AddBody):
                bodies.entries(body.vectors)
        except VectordError:
            pass


def _body_of_s3_vectors(data: bytes) -> None:
    """Decode the body of each kind of request of S3 Vectors, then a filter and a policy."""
    for kind in SHAPES:
        try:
            body = decode(data, kind)
            if isinstance(body, vector_shapes.PutVectorsInput):
                records.entries(body.vectors)
            elif isinstance(body, vector_shapes.QueryVectorsInput):
                s3_filters.read_filter(body.filter)
            elif isinstance(body, management_shapes.PutVectorBucketPolicyInput):
                policies.check_changes_nothing(body.policy, Arns(ARN_PREFIX))
        except VectordError as error:
            faults.answer(error)


def _bodies_of_s3_vectors() -> Iterator[bytes]:
    """Yield the bodies among the seeds of whole requests."""
    return (body for route, _, _, body in SEEDS if body and route.rpartition("/")[2][:1].isupper())


def _bodies() -> Iterator[bytes]:
    yield b'{"name":"t","dimension":3,"distance":"cosine","m":16,"ef_search":20,"shards":2}'
    yield b'{"vectors":[{"id":"a","vector":[1,2.5,-3e7],"metadata":{"k":[null,true,"\\u00e9"]}}]}'
    yield b'{"vectors":[{"id":"b","vector":"AACAPw=="}]}'
    yield b'{"vectors":[{"id":"a","vector":[1,1e400]}],"ids":["\\ud83d\\ude00"]}'
    yield b'{"vectors":[{"id":"a","vector":[1],"sparse":{"s":{"indices":[3,0],"values":[0.5,-1]}}}]}'
    yield b'{"vectors":[{"id":"a","vector":[1],"sparse":{"indices":[3],"values":[2]},"metadata":{"s":null}}]}'
    yield b'{"ids":["a","b"]}'
    yield b'{"vector":[1,2,3],"k":5,"recall":0.95,"ef_search":20,"include":["metadata","vector"]}'


DOCUMENTS = (
    {"year": 2020, "tags": ["a", {"b": None}], "text": "some words", "long": "some words" * 7_000},
    [1, "x", None],
    "text",
    1e300,
    None,
)


def _filter(data: bytes) -> None:
    """Parse a filter and match some documents with it."""
    try:
        tree = parse.parse(msgspec.json.decode(data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, FilterInvalid):
        return
    satisfies = match.matcher(tree, words=_words)
    for document in DOCUMENTS:
        satisfies(document)


def _words(wanted: Words, leaves: Sequence[match.Leaf], _: int) -> bool:
    """Test a condition on words as an index does with documents; one without words is refused there."""
    words = AnalysedWords(wanted.operator, 0, Analyzer(), analyse_query(wanted.text, Analyzer()))
    return bool(words.query.occurrences) and words.holds([leaf for leaf in leaves if isinstance(leaf, str)])


def _filters() -> Iterator[bytes]:
    yield b'{"year":{"$gte":2020,"$lt":2030},"tags":{"$in":["a",1,null]}}'
    yield b'{"$or":[{"text":{"$glob":"s*[a-w]?rds"}},{"$not":{"a.b":{"$exists":true}}},{"tags":{"$prefix":"a"}}]}'
    yield b'{"long":{"$glob":"*[!a-d]*w?rds"}}'
    yield '{"text":{"$match":"some words"},"tags":{"$not":{"$match_any":"b 東"}},"long":{"$phrase":"東京 a"}}'.encode()
    yield b'{"$and":[{"year":2020},{"year":{"$not":{"$eq":1.5}}},{"x":{"$nin":["y"]}},{"x":{"$ne":false}}]}'


def _lines(data: bytes) -> None:
    """Read lines of JSON: at most one entry a line, and vectors of floats."""
    try:
        found = list(entries_of_lines([data]))
    except FileRefused:
        return  # UTF-16
    if len(found) > data.count(b"\n") + 1:
        raise AssertionError("more entries than lines")
    for entry in found:
        if isinstance(entry, NewVector) and entry.vector.dtype not in (np.float32, np.float64):
            raise AssertionError("a vector is not of floats")


def _some_lines() -> Iterator[bytes]:
    yield (ROOT / "events/films.jsonl").read_bytes()[:4_000]
    yield b'{"id":"a","vector":[1,2,3]}\n\n{"vector": "AACAPw==" , "id":"b","metadata":{"vector":[1]}}\r\n'
    yield b'{"id":1}\nnull\n{"id":"a","vector":[1e999,-0,1]}'
    yield b'{"id":"a","vector":[1],"sparse":{"s":{"indices":[3,0],"values":[0.5,-1]}}}\n{"id":"b","sparse":null}'


PARAMS = new_params("t", 4)


def _file(suffix: str) -> Target:
    """Return the target that reads and validates files of one format; its seeds are written by other libraries."""

    def run(data: bytes) -> None:
        with contextlib.suppress(FileRefused, BatchInvalid):
            validated_rows(entries_of_file(suffix, data, 1 << 24, PARAMS.dimension), PARAMS, 1_000, lambda: None)

    return Target(run, lambda: (path.read_bytes() for path in sorted(WRITTEN.glob(f"*/*{suffix}"))))


TARGETS = {
    "frame": Target(stored.read_frame, lambda: stored.golden_blobs("v2")),
    "envelope": Target(stored.read_envelope, stored.envelopes),
    "section": Target(stored.search_section, stored.sections),
    "parts": Target(stored.search_parts, stored.parts_of_golden_blobs),
    "piece": Target(stored.read_piece, stored.pieces),
    "texts": Target(stored.read_texts, stored.texts_of_golden_blobs),
    "samples": Target(stored.read_samples, stored.samples_of_golden_blobs),
    "sparse-vectors": Target(stored.read_sparse_vectors, stored.sparse_vectors_of_golden_blobs),
    "bucket": Target(stored.read_bucket, stored.buckets),
    "version-1": Target(stored.upgrade_version_1, lambda: stored.golden_blobs("v1")),
    "body": Target(_body_of_a_request, _bodies),
    "s3vectors": Target(_body_of_s3_vectors, _bodies_of_s3_vectors),
    "filter": Target(_filter, _filters),
    "lines": Target(_lines, _some_lines),
    "gzip": _file(".jsonl.gz"),
    "npy": _file(".npy"),
    "npz": _file(".npz"),
    "parquet": _file(".parquet"),
}
