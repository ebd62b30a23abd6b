"""The envelope of a blob: its keys, and the checks that they agree with each other."""

from collections import Counter
from typing import Final

import msgspec

from vectord.errors import BlobCorrupt, BlobUnsupported
from vectord.lhv1 import params
from vectord.lhv1.params import Params

SECTIONS: Final = frozenset({"sketch", "columns", "rows", "graph", "tail"})

_REQUIRED_SECTIONS: Final = {"sketch": "graph", "rows": "graph", "columns": "rows"}


class SectionEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One section of the body: name, length in bytes, CRC-32 as 8 hex digits, and an id that names its content."""

    name: str
    bytes: int
    crc32: str
    id: str = ""


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The envelope without its seal (the key `crc32`); docs/lhv1.md explains each key."""

    version: int
    params: Params
    ids: list[str] = msgspec.field(default_factory=list)
    metadata: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)
    sections: list[SectionEntry] = msgspec.field(default_factory=list)
    removed: list[int] = msgspec.field(default_factory=list)
    commit: str = ""
    applied: list[str] = msgspec.field(default_factory=list)
    calibration: dict[str, dict[int, float]] = msgspec.field(default_factory=dict)
    graph_rows: int | msgspec.UnsetType = msgspec.UNSET

    @property
    def packed_rows(self) -> int:
        """The number of rows in the section `rows`; 0 in the plain form."""
        return self.graph_rows or 0

    @property
    def base_rows(self) -> int:
        """The number of rows of the graph. In the plain form `ids` lists them first, then the tail's."""
        return self.packed_rows or len(self.ids) - self.tail_rows

    @property
    def tail_rows(self) -> int:
        """The number of rows in all `tail` sections."""
        return sum(entry.bytes for entry in self.sections if entry.name == "tail") // (4 * self.params.dimension)


def check(envelope: Envelope) -> None:
    """Check ranges, and compare counts with each other.

    Raises:
        BlobCorrupt: a value is out of range, or two values contradict each other.
        BlobUnsupported: a section has an unknown name.
    """
    if reason := params.invalid_reason(envelope.params):
        raise BlobCorrupt(f"a parameter in its envelope is invalid: {reason}")
    _check_sections(envelope)
    base, tail = envelope.base_rows, envelope.tail_rows
    if base < 0 or envelope.packed_rows < 0 or (envelope.packed_rows and len(envelope.ids) != tail):
        raise BlobCorrupt(f"its envelope lists {len(envelope.ids):,} ids, but its tail has {tail:,} rows")
    if (base > 0) != any(entry.name == "graph" for entry in envelope.sections):
        contradiction = "rows of a graph, but no section 'graph'" if base else "a section 'graph', but no rows of it"
        raise BlobCorrupt(f"its envelope lists {contradiction}")
    removed = set(envelope.removed)
    if len(removed) != len(envelope.removed) or not all(0 <= row < base + tail for row in removed):
        raise BlobCorrupt("its envelope lists a removed row twice, or a removed row that does not exist")
    _check_ids(envelope, removed)
    for effort, recall in (point for curve in envelope.calibration.values() for point in curve.items()):
        if not 1 <= effort < 2**31 or not 0 <= recall <= 1:
            raise BlobCorrupt("its calibration has an effort or a recall that is out of range")


def _check_sections(envelope: Envelope) -> None:
    counts = Counter(entry.name for entry in envelope.sections)
    if unknown := counts.keys() - SECTIONS:
        raise BlobUnsupported(f"this version of vectord cannot read its section {min(unknown)!r}")
    if any(count > 1 for name, count in counts.items() if name != "tail"):
        raise BlobCorrupt("its envelope lists a section twice")
    row_size = 4 * envelope.params.dimension
    if any(entry.bytes < 0 or (entry.name == "tail" and entry.bytes % row_size) for entry in envelope.sections):
        raise BlobCorrupt("the length of one of its sections is negative, or not a whole number of rows")
    incomplete = any(counts[name] and not counts[other] for name, other in _REQUIRED_SECTIONS.items())
    if incomplete or (envelope.packed_rows > 0) != bool(counts["rows"]):
        raise BlobCorrupt("its sections do not belong together: one needs another that is missing")


def _check_ids(envelope: Envelope, removed: set[int]) -> None:
    first_row = envelope.packed_rows  # ids of the graph's rows are in the section `rows`
    distinct = set(envelope.ids)
    if len(distinct) != len(envelope.ids):
        live = [vector_id for row, vector_id in enumerate(envelope.ids, first_row) if row not in removed]
        if len(set(live)) != len(live):
            raise BlobCorrupt("its envelope lists an id twice")
    if any(map(params.invalid_id_reason, distinct)):
        raise BlobCorrupt("an id in its envelope is empty or too long")
    if not envelope.metadata.keys() <= distinct:
        raise BlobCorrupt("its envelope has metadata of an id that it does not list")
