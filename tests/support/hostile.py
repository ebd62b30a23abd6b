"""Stored bytes that nobody vouches for: blobs taken apart, put together, and asked for everything."""

import json
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tests.support.worlds import FOREVER, Clock, local_files, vector
from vectord.errors import BlobError, VectorNotFound
from vectord.service.environment import RetryPolicy
from vectord.service.query import Ask
from vectord.service.service import Service
from vectord.storage.base import IfAbsent
from vectord.storage.memory import MemoryStore

NAME = "hostile"


class Section(NamedTuple):
    """A section of a blob: its bytes, and what its entry says otherwise than they are."""

    name: str
    data: bytes
    said: Mapping[str, Any] = {}

    @property
    def entry(self) -> dict[str, Any]:
        crc32 = f"{zlib.crc32(self.data):08x}"
        return {"name": self.name, "bytes": len(self.data), "crc32": crc32, "id": self.name, **self.said}


@dataclass(frozen=True)
class Blob:
    """An LHV1 blob in parts: the envelope's keys but `sections` and the seal, and the sections."""

    envelope: Mapping[str, Any]
    sections: Sequence[Section] = ()

    @property
    def whole(self) -> bytes:
        """The blob with every length and checksum right, but where a section says otherwise."""
        entries = [section.entry for section in self.sections]
        return sealed({**self.envelope, "sections": entries}, b"".join(section.data for section in self.sections))

    def of(self, name: str) -> bytearray:
        """Return a copy of the bytes of the first section of that name."""
        return bytearray(next(section.data for section in self.sections if section.name == name))

    def with_section(self, name: str, data: bytes | None = None, **said: Any) -> "Blob":
        """Return the blob with other bytes in the sections of that name, or another entry."""
        changed = [
            Section(name, each.data if data is None else bytes(data), said) if each.name == name else each
            for each in self.sections
        ]
        return Blob(self.envelope, changed)

    def telling(self, **keys: Any) -> "Blob":
        return Blob({**self.envelope, **keys}, self.sections)

    def with_params(self, **params: Any) -> "Blob":
        return self.telling(params={**self.envelope["params"], **params})


def taken_apart(blob: bytes) -> Blob:
    (length,) = struct.unpack_from(">I", blob, 4)
    envelope = json.loads(blob[8 : 8 + length])
    del envelope["crc32"]
    at, sections = 8 + length, []
    for entry in envelope.pop("sections"):
        sections.append(Section(entry["name"], blob[at : at + entry["bytes"]], {"id": entry["id"]}))
        at += entry["bytes"]
    return Blob(envelope, sections)


def sealed(envelope: Mapping[str, Any] | bytes, body: bytes = b"") -> bytes:
    """Return a blob with a right seal over any envelope, given as values or as JSON text."""
    text = envelope if isinstance(envelope, bytes) else json.dumps(envelope, separators=(",", ":")).encode()
    covered = text.removesuffix(b"}")
    raw = covered + b',"crc32":"%08x"}' % zlib.crc32(covered)
    return struct.pack(">4sI", b"LHV1", len(raw)) + raw + body


def cold(blob: bytes, room: int = 1 << 30) -> tuple[Service, MemoryStore]:
    """Return a function that has kept nothing and has `room` bytes for sections, and its store, which holds `blob`."""
    store = MemoryStore()
    store.put(NAME, blob, IfAbsent(), "nobody")
    return (
        Service(
            store,
            local_files(room),
            warm_bytes=1 << 20,
            environment=Clock().environment(),
            retry_policy=RetryPolicy(max_attempts=3),
        ),
        store,
    )


@dataclass(frozen=True)
class Probe:
    """What is asked: about the vector `known`, and for what is near the ones vector of so many dimensions."""

    dimension: int
    known: str

    @property
    def query(self) -> Any:
        return np.ones(self.dimension)


FILTERED = Ask(5, filter='{"row": {"$gte": 0}}')
type UseCase = Callable[[Service, Probe], Any]
READS: Mapping[str, UseCase] = {
    "describe": lambda service, probe: service.describe(NAME, FOREVER).count,
    "lookup": lambda service, probe: service.lookup(NAME, probe.known, FOREVER).vector.tobytes(),
    "search": lambda service, probe: _found(service.search(NAME, probe.query, 5, FOREVER).answer.matches),
    "exact": lambda service, probe: _found(service.search(NAME, probe.query, 5, FOREVER, recall=1.0).answer.matches),
    "filtered": lambda service, probe: _found(
        service.search_many(NAME, [probe.query], FILTERED, FOREVER).answer.matches
    ),
    "near": lambda service, probe: _found(service.near(NAME, probe.known, Ask(5), FOREVER).answer.matches),
    "warm": lambda service, probe: bool(service.warm(NAME, FOREVER)),
}
WRITES: Mapping[str, UseCase] = {
    "add": lambda service, probe: service.add(NAME, [vector("new", *probe.query)], FOREVER).count,
    "delete": lambda service, probe: service.delete_vectors(NAME, [probe.known], FOREVER).count,
}
USE_CASES = {**READS, **WRITES}


def _found(matches: Sequence[Any]) -> list[tuple[str, float, bytes | None]]:
    return [(match.id, match.distance, match.metadata and bytes(match.metadata)) for match in matches]


def outcome(use: UseCase, service: Service, probe: Probe) -> Any:
    """Return what a use case answers; the error where that is a typed one that names the index."""
    try:
        return use(service, probe)
    except VectorNotFound:
        return "not there"
    except BlobError as error:
        if error.index != NAME or NAME not in str(error):
            raise
        return error


def answers(blob: bytes, probe: Probe, uses: Mapping[str, UseCase] = USE_CASES) -> dict[str, Any]:
    """Return what each use case answers, asked of a function of its own, or the error that names the index."""
    return {name: outcome(use, cold(blob)[0], probe) for name, use in uses.items()}


def answered(blob: bytes, probe: Probe) -> dict[str, Any]:
    """Return what use cases answered of bytes that all of them should refuse; the object must be as it was."""
    service, store = cold(blob)
    etag = store.etag(NAME)
    found = {name: outcome(use, service, probe) for name, use in USE_CASES.items()}
    if store.etag(NAME) != etag:
        found["object"] = "changed"
    return {name: value for name, value in found.items() if not isinstance(value, BlobError)}
