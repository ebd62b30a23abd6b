"""Hostile stored bytes: take blobs apart, change and reassemble them, and run every use case on the result."""

import json
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from tests.support.services import FOREVER, Clock, a_query, new_section_cache, vector
from vectord.errors import BlobError, VectorNotFound
from vectord.index.query.query import Query
from vectord.index.sections import piece
from vectord.index.sections.base import crc32_without
from vectord.index.sections.parts_head import CRC32_FIELD
from vectord.lhv1.parts_layout import PartsLayout
from vectord.lhv1.rows_layout import PieceLayout
from vectord.service.service import Service
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.selection import Selection
from vectord.storage.base import IfAbsent
from vectord.storage.memory import MemoryStore

NAME = "hostile"


class Section(NamedTuple):
    """A section of a blob: its bytes, and keys of its entry that differ from the correct values."""

    name: str
    data: bytes
    forged: Mapping[str, Any] = {}

    @property
    def entry(self) -> dict[str, Any]:
        crc32 = f"{zlib.crc32(self.data):08x}"
        return {"name": self.name, "bytes": len(self.data), "crc32": crc32, "id": self.name, **self.forged}


@dataclass(frozen=True)
class Blob:
    """An LHV1 blob in parts: the keys of the envelope except `sections` and the seal, and the sections."""

    envelope: Mapping[str, Any]
    sections: Sequence[Section] = ()

    @property
    def data(self) -> bytes:
        """The blob. All lengths and checksums are correct except those that a section forges."""
        entries = [section.entry for section in self.sections]
        return sealed({**self.envelope, "sections": entries}, b"".join(section.data for section in self.sections))

    def section(self, name: str) -> bytearray:
        """Return a copy of the bytes of the first section of that name."""
        return bytearray(next(section.data for section in self.sections if section.name == name))

    def with_section(self, name: str, data: bytes | None = None, **forged: Any) -> "Blob":
        """Return the blob with other bytes in the sections of that name, or with forged keys in their entries."""
        changed = [
            Section(name, each.data if data is None else bytes(data), forged) if each.name == name else each
            for each in self.sections
        ]
        return Blob(self.envelope, changed)

    def with_keys(self, **keys: Any) -> "Blob":
        return Blob({**self.envelope, **keys}, self.sections)

    def with_params(self, **params: Any) -> "Blob":
        return self.with_keys(params={**self.envelope["params"], **params})


def take_apart(blob: bytes) -> Blob:
    (length,) = struct.unpack_from(">I", blob, 4)
    envelope = json.loads(blob[8 : 8 + length])
    del envelope["crc32"]
    at, sections = 8 + length, []
    for entry in envelope.pop("sections"):
        sections.append(Section(entry["name"], blob[at : at + entry["bytes"]], {"id": entry["id"]}))
        at += entry["bytes"]
    return Blob(envelope, sections)


def sealed(envelope: Mapping[str, Any] | bytes, body: bytes = b"") -> bytes:
    """Return a blob with a correct seal over any envelope, given as values or as JSON text."""
    text = envelope if isinstance(envelope, bytes) else json.dumps(envelope, separators=(",", ":")).encode()
    covered = text.removesuffix(b"}")
    raw = covered + b',"crc32":"%08x"}' % zlib.crc32(covered)
    return struct.pack(">4sI", b"LHV1", len(raw)) + raw + body


def resealed_parts(data: bytes | bytearray, layout: PartsLayout, first_entries: list[int]) -> bytes:
    """Return the bytes of a section `parts` with correct checksums, if its partitions start at `first_entries`."""
    changed = np.frombuffer(bytearray(data), np.uint8)
    for number, (first, last) in enumerate(pairwise(first_entries)):
        start, stop = layout.codes_range(first, last)
        struct.pack_into("<I", changed, layout.checksums + 4 * number, zlib.crc32(changed[start:stop]))
    struct.pack_into("<I", changed, CRC32_FIELD.start, crc32_without(changed[: layout.codes], CRC32_FIELD))
    return changed.tobytes()


def resealed_piece(data: bytes | bytearray, layout: PieceLayout) -> bytes:
    """Return the bytes of a section `piece` with a correct checksum of its head."""
    changed = np.frombuffer(bytearray(data), np.uint8)
    struct.pack_into(
        "<I", changed, piece.CRC32_FIELD.start, crc32_without(changed[: layout.vectors], piece.CRC32_FIELD)
    )
    return changed.tobytes()


def cold_service(blob: bytes, cache_bytes: int = 1 << 30) -> tuple[Service, MemoryStore]:
    """Return a service with an empty cache of `cache_bytes`, and its store, which contains `blob`."""
    store = MemoryStore()
    store.put(NAME, blob, IfAbsent(), "a-commit")
    return (
        Service(
            store,
            new_section_cache(cache_bytes),
            memory_bytes=1 << 20,
            environment=Clock().environment(),
            retry_policy=RetryPolicy(max_attempts=3),
        ),
        store,
    )


@dataclass(frozen=True)
class Probe:
    """What the use cases ask for: the vector `known`, and the neighbours of a vector of ones."""

    dimension: int
    known: str

    @property
    def query(self) -> Any:
        return np.ones(self.dimension)


FILTER = '{"row": {"$gte": 0}}'
type UseCase = Callable[[Service, Probe], Any]
READS: Mapping[str, UseCase] = {
    "describe": lambda service, probe: service.describe(NAME, FOREVER).count,
    "lookup": lambda service, probe: service.lookup(NAME, probe.known, FOREVER).vector.tobytes(),
    "search": lambda service, probe: _values(service.search(NAME, a_query(probe.query, 5), FOREVER).answer.matches),
    "exact": lambda service, probe: _values(
        service.search(NAME, a_query(probe.query, 5, recall=1.0), FOREVER).answer.matches
    ),
    "filtered": lambda service, probe: _values(
        service.search(NAME, a_query(probe.query, 5, filter=FILTER), FOREVER).answer.matches
    ),
    "near": lambda service, probe: _values(service.search(NAME, Query(5, like=probe.known), FOREVER).answer.matches),
    "warm": lambda service, probe: bool(service.warm(NAME, FOREVER)),
}
WRITES: Mapping[str, UseCase] = {
    "add": lambda service, probe: service.add(NAME, [vector("new", *probe.query)], FOREVER).count,
    "delete": lambda service, probe: service.delete(NAME, Selection([probe.known]), FOREVER).count,
}
USE_CASES = {**READS, **WRITES}


def _values(matches: Sequence[Any]) -> list[tuple[str, float, bytes | None]]:
    return [(match.id, match.distance, match.metadata and bytes(match.metadata)) for match in matches]


def outcome(use: UseCase, service: Service, probe: Probe) -> Any:
    """Return the result of a use case; or its BlobError, which must name the index."""
    try:
        return use(service, probe)
    except VectorNotFound:
        return "not found"
    except BlobError as error:
        if error.index != NAME or NAME not in str(error):
            raise
        return error


def outcomes(blob: bytes, probe: Probe, uses: Mapping[str, UseCase] = USE_CASES) -> dict[str, Any]:
    """Return the outcome of each use case, each with a cold service of its own."""
    return {name: outcome(use, cold_service(blob)[0], probe) for name, use in uses.items()}


def not_refused(blob: bytes, probe: Probe) -> dict[str, Any]:
    """Return the results of the use cases that did not refuse the blob; add an entry if the object was changed."""
    service, store = cold_service(blob)
    etag = store.etag(NAME)
    found = {name: outcome(use, service, probe) for name, use in USE_CASES.items()}
    if store.etag(NAME) != etag:
        found["object"] = "changed"
    return {name: value for name, value in found.items() if not isinstance(value, BlobError)}
