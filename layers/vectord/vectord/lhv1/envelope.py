"""The envelope of a blob: what it lists, and which of that can be true together."""

from collections import Counter
from typing import Final

import msgspec

from vectord.errors import BlobCorrupt, BlobUnsupported
from vectord.lhv1 import params
from vectord.lhv1.params import Params

SECTIONS: Final = frozenset({"sketch", "columns", "rows", "graph", "tail"})


class SectionEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One section of the body: its length in bytes, its crc32 as 8 hex digits, and an id that names its content."""

    name: str
    bytes: int
    crc32: str
    id: str = ""


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The envelope without its seal (`crc32`), which exists only in bytes; docs/lhv1.md explains each key."""

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
    def packed(self) -> int:
        """The number of rows whose ids and metadata stand in a `rows` section."""
        return self.graph_rows or 0

    @property
    def covered(self) -> int:
        """The number of the graph's rows: those of a `rows` section, or else the first of `ids`."""
        return self.packed or len(self.ids) - self.tail_rows

    @property
    def tail_rows(self) -> int:
        return sum(entry.bytes for entry in self.sections if entry.name == "tail") // (4 * self.params.dimension)


def check(envelope: Envelope) -> None:
    """Check ranges and counts against each other.

    Raises:
        BlobCorrupt: one cannot be.
        BlobUnsupported: a section is unknown here.
    """
    if reason := params.fault(envelope.params):
        raise BlobCorrupt(reason)
    _check_sections(envelope)
    covered, tail = envelope.covered, envelope.tail_rows
    if covered < 0 or envelope.packed < 0 or (envelope.packed and len(envelope.ids) != tail):
        raise BlobCorrupt(f"it lists {len(envelope.ids):,} ids beside {tail:,} rows of its tail")
    if (covered > 0) != any(entry.name == "graph" for entry in envelope.sections):
        raise BlobCorrupt(f"it lists {len(envelope.ids)} ids beside {len(envelope.sections)} sections")
    gone = set(envelope.removed)
    if len(gone) != len(envelope.removed) or not all(0 <= row < covered + tail for row in gone):
        raise BlobCorrupt("it removes a row twice, or one that it does not have")
    _check_ids(envelope, gone)
    for effort, measured in (pair for curve in envelope.calibration.values() for pair in curve.items()):
        if not 1 <= effort < 2**31 or not 0 <= measured <= 1:
            raise BlobCorrupt("its calibration names an effort or a recall that cannot be")


def _check_sections(envelope: Envelope) -> None:
    named = Counter(entry.name for entry in envelope.sections)
    if unknown := named.keys() - SECTIONS:
        raise BlobUnsupported(f"it has a section {min(unknown)!r}, which this vectord does not read")
    if any(count > 1 for name, count in named.items() if name != "tail"):
        raise BlobCorrupt("it lists a section twice")
    row = 4 * envelope.params.dimension
    if any(entry.bytes < 0 or (entry.name == "tail" and entry.bytes % row) for entry in envelope.sections):
        raise BlobCorrupt("a section of it cannot have the length that it claims")
    needs = {"sketch": "graph", "rows": "graph", "columns": "rows"}
    lonely = any(named[name] and not named[other] for name, other in needs.items())
    if lonely or (envelope.packed > 0) != bool(named["rows"]):
        raise BlobCorrupt("its sections do not belong together")


def _check_ids(envelope: Envelope, gone: set[int]) -> None:
    first = envelope.packed  # ids of the graph's rows stand in its `rows` section
    known = set(envelope.ids)
    if len(known) != len(envelope.ids):
        live = [vector_id for row, vector_id in enumerate(envelope.ids, first) if row not in gone]
        if len(set(live)) != len(live):
            raise BlobCorrupt("an id is listed twice")
    if any(map(params.id_fault, known)):
        raise BlobCorrupt("an id is empty or too long")
    if not envelope.metadata.keys() <= known:
        raise BlobCorrupt("metadata belongs to an id that is not listed")
