"""Fuzz targets of stored bytes: blobs of both versions, their sections, and objects of vector buckets."""

import contextlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from msgspec import structs

from tests.support import hostile as h
from tests.support.texts import resealed
from vectord.errors import BlobError
from vectord.index.codec import decode, encode
from vectord.index.codec.decode import open_version_1
from vectord.index.kernels import codes
from vectord.index.kernels.codes import RotatedQuery, RowCodes
from vectord.index.query import search
from vectord.index.sections.base import NOTHING_TO_FETCH, MemorySection
from vectord.index.sections.piece import Piece
from vectord.index.sections.text import Text
from vectord.index.sections.text_whole import all_postings
from vectord.index.text.sparse import values_of
from vectord.lhv1 import frame, text_samples
from vectord.lhv1.parts_layout import PartsLayout
from vectord.lhv1.rows_layout import PieceLayout
from vectord.lhv1.v1 import blob as v1_blob
from vectord.service.buckets.errors import BucketUnreadable
from vectord.service.buckets.objects import decoded

GOLDEN = Path(__file__).parents[1] / "tests/golden"


def golden_blobs(version: str) -> Iterator[bytes]:
    for path in sorted((GOLDEN / version).glob("*.lhv1")):
        yield path.read_bytes()


def read_frame(data: bytes) -> None:
    """Decode a blob, as a whole and from its head alone."""
    with contextlib.suppress(BlobError, frame.VersionOne):
        frame.decode(data)
    with contextlib.suppress(BlobError, frame.VersionOne, frame.Truncated):
        frame.decode_head(data[: len(data) // 2], len(data))


def read_envelope(data: bytes) -> None:
    """Decode any envelope with a correct seal, in front of the body of a golden blob."""
    with contextlib.suppress(BlobError):
        decode.open_blob(h.sealed(data, _body()))


@cache
def _body() -> bytes:
    blob = (GOLDEN / "v2/cosine.lhv1").read_bytes()
    return blob[8 + int.from_bytes(blob[4:8], "big") :]


def envelopes() -> Iterator[bytes]:
    for blob in golden_blobs("v2"):
        raw = blob[8 : 8 + int.from_bytes(blob[4:8], "big")].rstrip()
        yield raw[: raw.rindex(b',"crc32"')] + b"}"


def read_bucket(data: bytes) -> None:
    """Decode the object of a vector bucket."""
    with contextlib.suppress(BucketUnreadable):
        decoded("films", data)


def buckets() -> Iterator[bytes]:
    yield b'{"name":"films","id":"a1","created":1790000000}'
    yield (
        b'{"name":"films","id":"a1","created":1,"tags":{"team":"\xc3\xa9"},"default_index_mode":"CLASSIC",'
        b'"policy":"{}","deleting":true,"writes":["w1","w2"]}'
    )


SECTIONS = ("rows", "graph", "sketch", "tail")


def search_section(data: bytes) -> None:
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


def sections() -> Iterator[bytes]:
    for number, name in enumerate(SECTIONS):
        yield bytes([number]) + bytes(_packed().section(name))


def search_parts(data: bytes) -> None:
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
        for found, _ in (parts.nearest(query, ranked, 60), parts.estimated(query, ranked, 60, k=3)):
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


def parts_of_golden_blobs() -> Iterator[bytes]:
    yield bytes(_partitioned()[0].section("parts"))


def read_piece(data: bytes) -> None:
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


def pieces() -> Iterator[bytes]:
    blob, _ = _blob_with_pieces()
    yield bytes(blob.sections[1].data)


def read_texts(data: bytes) -> None:
    """Read a section `text` of any bytes under correct checksums, list by list and as a whole."""
    _read_texts(data, "texts", [b"haus", b"no term"])


def read_sparse_vectors(data: bytes) -> None:
    """Do the same with a section that has sparse vectors, whose values must be finite and not 0."""
    _read_texts(data, "sparse", [b"\0\0\0\1", b"\0\0\1\x2c"])


def _read_texts(data: bytes, name: str, terms: Sequence[bytes]) -> None:
    stored = _texts(name)
    section, rows = bytes(stored.section.buffer), stored.rows
    changed = resealed(data[: len(section)].ljust(len(section), b"\0"), stored.front.layout)
    text = structs.replace(stored, section=MemorySection(changed))
    with contextlib.suppress(BlobError):
        all_postings(text)
    for field in range(text.fields):
        with contextlib.suppress(BlobError):
            for found in text.find(field, [*text.with_prefix(field, b"", 100), *terms]).values():
                listed = found.rows.tolist()
                if listed != sorted(set(listed) & set(range(rows))):
                    raise AssertionError("a row that does not exist, or one row twice")
                values = values_of(found.counts, len(listed))
                if field in text.sparse and not (np.isfinite(values) & (values != 0)).all():
                    raise AssertionError("a value that is 0 or not finite")


def read_samples(data: bytes) -> None:
    """Read samples of any bytes: each range that they lead to lies within the section, behind its front."""
    stored = _texts("text-samples")
    size = stored.section.size
    with contextlib.suppress(BlobError):
        for field in text_samples.unpack(data, stored.fields, stored.front_bytes, size):
            found = [*field.of_prefix(data[:2], 5), *(each for n in range(256) for each in field.of_term(bytes([n])))]
            if not all(stored.front_bytes <= start < stop <= size for start, stop in found):
                raise AssertionError("a range outside the blocks of the section")


def samples_of_golden_blobs() -> Iterator[bytes]:
    yield _texts("text-samples").samples


@cache
def _texts(name: str) -> Text:
    """Return the section `text` of a golden blob."""
    base = decode.open_blob((GOLDEN / f"v2/{name}.lhv1").read_bytes()).base
    if base is None or base.text is None:
        raise AssertionError("a golden blob without texts")
    return base.text


def texts_of_golden_blobs() -> Iterator[bytes]:
    yield bytes(_texts("texts").section.buffer)


def sparse_vectors_of_golden_blobs() -> Iterator[bytes]:
    yield bytes(_texts("sparse").section.buffer)


def upgrade_version_1(data: bytes) -> None:
    """Open a blob of version 1 and encode its vectors as version 2."""
    try:
        v1_blob.read(data)
        index = open_version_1(data)
    except BlobError:
        return
    decode.open_blob(encode.encode(index, "t", "c").blob)
