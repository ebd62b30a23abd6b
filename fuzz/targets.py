"""The fuzz targets: functions that accept any bytes, each with seeds.

A target suppresses the errors that the code documents. Any other exception, a crash, a hang or the use of 2 GB of
memory is a fault.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec
import numpy as np

from fuzz.requests import ARN_PREFIX, SEEDS
from tests.support import hostile as h
from vectord.edge.s3vectors import faults, policies, records, shapes
from vectord.edge.s3vectors import filters as s3_filters
from vectord.edge.s3vectors.names import Arns
from vectord.edge.schemas import bodies
from vectord.errors import BatchInvalid, BlobError, FileRefused, FilterInvalid, VectordError
from vectord.filters import match, parse
from vectord.index.codec import decode, encode
from vectord.index.codec.decode import open_version_1
from vectord.index.kernels import codes
from vectord.index.kernels.codes import RotatedQuery, RowCodes
from vectord.index.query import search
from vectord.index.sections.base import NOTHING_TO_FETCH, MemorySection
from vectord.index.sections.piece import Piece, PieceLayout
from vectord.lhv1 import frame
from vectord.lhv1.params import new_params
from vectord.lhv1.parts_layout import PartsLayout
from vectord.lhv1.v1 import blob as v1_blob
from vectord.readers.entry import NewVector
from vectord.readers.files import entries_of_file
from vectord.readers.jsonl import entries_of_lines
from vectord.service.buckets.errors import BucketUnreadable
from vectord.service.buckets.objects import decoded
from vectord.service.values.validation import validated_rows

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests/golden"
WRITTEN = ROOT / "tests/files"


@dataclass(frozen=True)
class Target:
    """`run` must not raise for any bytes; `seeds` are inputs that reach much of the code."""

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]


def _golden(version: str) -> Iterator[bytes]:
    for path in sorted((GOLDEN / version).glob("*.lhv1")):
        yield path.read_bytes()


def _frame(data: bytes) -> None:
    """Decode a blob, as a whole and from its head alone."""
    with contextlib.suppress(BlobError, frame.VersionOne):
        frame.decode(data)
    with contextlib.suppress(BlobError, frame.VersionOne, frame.Truncated):
        frame.decode_head(data[: len(data) // 2], len(data))


def _envelope(data: bytes) -> None:
    """Decode any envelope with a correct seal, in front of the body of a golden blob."""
    with contextlib.suppress(BlobError):
        decode.open_blob(h.sealed(data, _body()))


@cache
def _body() -> bytes:
    blob = (GOLDEN / "v2/cosine.lhv1").read_bytes()
    return blob[8 + int.from_bytes(blob[4:8], "big") :]


def _envelopes() -> Iterator[bytes]:
    for blob in _golden("v2"):
        raw = blob[8 : 8 + int.from_bytes(blob[4:8], "big")].rstrip()
        yield raw[: raw.rindex(b',"crc32"')] + b"}"


def _bucket(data: bytes) -> None:
    """Decode the object of a vector bucket."""
    with contextlib.suppress(BucketUnreadable):
        decoded("films", data)


def _buckets() -> Iterator[bytes]:
    yield b'{"name":"films","id":"a1","created":1790000000}'
    yield (
        b'{"name":"films","id":"a1","created":1,"tags":{"team":"\xc3\xa9"},"default_index_mode":"CLASSIC",'
        b'"policy":"{}","deleting":true,"writes":["w1","w2"]}'
    )


SECTIONS = ("rows", "graph", "sketch", "tail")


def _section(data: bytes) -> None:
    """Search a blob with other bytes in one section, under a correct checksum; byte 0 selects the section."""
    name = SECTIONS[data[0] % len(SECTIONS)] if data else SECTIONS[0]
    try:
        index = decode.open_blob(_packed().with_section(name, data[1:]).data)
        search.search(index, np.ones(33, np.float32), 3)
        rows = index.find(["row-01 é", "row-40 é"])
        index.vectors_of(list(rows.values()))
        index.metadata_of(rows)
        len(index.rows)
    except BlobError:
        pass


@cache
def _packed() -> h.Blob:
    return h.take_apart((GOLDEN / "v2/packed.lhv1").read_bytes())


def _sections() -> Iterator[bytes]:
    for number, name in enumerate(SECTIONS):
        yield bytes([number]) + bytes(_packed().section(name))


def _parts(data: bytes) -> None:
    """Search a blob with other bytes in the section `parts`, under correct checksums, and its partitions alone."""
    blob, layout, first_entries = _partitioned()
    # The checksums are within the bytes; those of a shorter section are not reached.
    section = h.resealed_parts(data.ljust(layout.codes, b"\0"), layout, first_entries)
    try:
        index = decode.open_blob(blob.with_section("parts", section).data)
        parts = index.base.parts if index.base else None
        if parts is None:
            raise AssertionError("a blob without its section")
        query = parts.query(np.ones(layout.dimension, np.float32))
        ranked = parts.rank(query, layout.partitions)
        for found, _ in (parts.nearest(query, ranked, 60), parts.estimated(query, ranked, 60)):
            if len(set(found.tolist())) < len(found) or not set(found.tolist()) <= set(range(60)):
                raise AssertionError("a row that does not exist, or one row twice")
        search.search(index, np.ones(layout.dimension, np.float32), 3)
    except BlobError:
        pass


@cache
def _partitioned() -> tuple[h.Blob, PartsLayout, list[int]]:
    """Return the golden blob with partitions, the layout of its section, and the first entries of its partitions."""
    blob = (GOLDEN / "v2/parts.lhv1").read_bytes()
    base = decode.open_blob(blob).base
    if base is None or base.parts is None:
        raise AssertionError("a golden blob without partitions")
    return h.take_apart(blob), base.parts.layout, base.parts.first_entries.tolist()


def _parts_of_golden_blobs() -> Iterator[bytes]:
    yield bytes(_partitioned()[0].section("parts"))


def _piece(data: bytes) -> None:
    """Read a section `piece` of any bytes under a correct checksum of its head, and the index that has it."""
    blob, layout = _blob_with_pieces()
    # A shorter section is refused for its length before its checksum is compared.
    section = h.resealed_piece(data.ljust(layout.vectors, b"\0"), layout)
    vector = np.ones(layout.dimension, np.float32)
    try:
        piece = Piece(MemorySection(section), layout.rows, layout.dimension, "cosine")
        if piece.codes is not None:
            _check_estimates(piece.codes, piece.query(vector))
        if piece.take(np.arange(layout.rows)).tobytes() != piece.vectors.tobytes():
            raise AssertionError("a row of a piece is not its row in all vectors")
        if len(piece.documents.read(range(layout.rows), NOTHING_TO_FETCH)) != layout.rows:
            raise AssertionError("fewer documents than rows")
    except BlobError:
        pass
    first, _, *others = blob.sections
    changed = h.Blob(blob.envelope, [first, h.Section("piece", section, {"id": "other"}), *others])
    try:
        index = decode.open_blob(changed.data)
        search.search(index, vector, 3)
        index.find(["row-05 é", "row-70 é", "no row"])
        len(index.rows)
    except BlobError:
        pass


def _check_estimates(stored: RowCodes, query: RotatedQuery) -> None:
    estimates = codes.estimated_distances(stored.planes, stored.norms, stored.factors, query)
    if not np.isfinite(estimates).all():
        raise AssertionError("an estimate is not finite")
    if codes.hamming_distances(stored.planes.copy(), query).max() > 64 * len(stored.planes):
        raise AssertionError("more bits differ than a code has")


@cache
def _blob_with_pieces() -> tuple[h.Blob, PieceLayout]:
    """Return the golden blob with pieces, and the layout of its second piece, of 17 rows."""
    blob = h.take_apart((GOLDEN / "v2/pieces.lhv1").read_bytes())
    return blob, PieceLayout(blob.envelope["params"]["dimension"], blob.envelope["pieces"][1])


def _pieces() -> Iterator[bytes]:
    blob, _ = _blob_with_pieces()
    yield bytes(blob.sections[1].data)


def _version_1(data: bytes) -> None:
    """Open a blob of version 1 and encode its vectors as version 2."""
    try:
        v1_blob.read(data)
        index = open_version_1(data)
    except BlobError:
        return
    decode.open_blob(encode.encode(index, "t", "c").blob)


SHAPES = (
    shapes.CreateVectorBucketInput,
    shapes.CreateIndexInput,
    shapes.ListIndexesInput,
    shapes.PutVectorBucketPolicyInput,
    shapes.PutVectorsInput,
    shapes.GetVectorsInput,
    shapes.ListVectorsInput,
    shapes.QueryVectorsInput,
    shapes.UpdateMetadataConfigurationInput,
    shapes.TagResourceInput,
)
KINDS = (bodies.CreateBody, bodies.AddBody, bodies.DeleteBody, bodies.SearchBody)


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
            body = shapes.decode(data, kind)
            if isinstance(body, shapes.PutVectorsInput):
                records.entries(body.vectors)
            elif isinstance(body, shapes.QueryVectorsInput):
                s3_filters.read_filter(body.filter)
            elif isinstance(body, shapes.PutVectorBucketPolicyInput):
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
    for document in DOCUMENTS:
        match.matches(tree, document)


def _filters() -> Iterator[bytes]:
    yield b'{"year":{"$gte":2020,"$lt":2030},"tags":{"$in":["a",1,null]}}'
    yield b'{"$or":[{"text":{"$glob":"s*[a-w]?rds"}},{"$not":{"a.b":{"$exists":true}}},{"tags":{"$prefix":"a"}}]}'
    yield b'{"long":{"$glob":"*[!a-d]*w?rds"}}'
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


PARAMS = new_params("t", 4)


def _file(suffix: str) -> Target:
    """Return the target that reads and validates files of one format; its seeds are written by other libraries."""

    def run(data: bytes) -> None:
        with contextlib.suppress(FileRefused, BatchInvalid):
            validated_rows(entries_of_file(suffix, data, 1 << 24, PARAMS.dimension), PARAMS, 1_000, lambda: None)

    return Target(run, lambda: (path.read_bytes() for path in sorted(WRITTEN.glob(f"*/*{suffix}"))))


TARGETS = {
    "frame": Target(_frame, lambda: _golden("v2")),
    "envelope": Target(_envelope, _envelopes),
    "section": Target(_section, _sections),
    "parts": Target(_parts, _parts_of_golden_blobs),
    "piece": Target(_piece, _pieces),
    "bucket": Target(_bucket, _buckets),
    "version-1": Target(_version_1, lambda: _golden("v1")),
    "body": Target(_body_of_a_request, _bodies),
    "s3vectors": Target(_body_of_s3_vectors, _bodies_of_s3_vectors),
    "filter": Target(_filter, _filters),
    "lines": Target(_lines, _some_lines),
    "gzip": _file(".jsonl.gz"),
    "npy": _file(".npy"),
    "npz": _file(".npz"),
    "parquet": _file(".parquet"),
}
