"""The ranges that a cold search reads in the round of the codes, from the first bytes of the object, without numpy.

A cold start sends these requests while numpy and the rest of the engine are imported. The search plans the same round
again, by the same functions, and takes what was read early. So a wrong plan costs bytes and nothing else: what only the
search relies on is not checked here, but every range lies within its section, and all of them are few bytes.
"""

from array import array
from collections.abc import Sequence
from typing import Final

import msgspec

from vectord.errors import BlobError
from vectord.index.kernels import compiled
from vectord.index.query import rounds
from vectord.index.query.coalescing import ByteRange, WantedOf, in_requests, within_reach
from vectord.index.query.efforts import DEFAULT_RECALL, Effort, fastest_by_ranges
from vectord.index.query.speed import BYTES_PER_SECOND, seconds_by_ranges, seconds_of_one_request, size_of
from vectord.lhv1 import frame
from vectord.lhv1.frame import Data, Envelope, Head
from vectord.lhv1.params import Distance
from vectord.lhv1.parts_copy import read_copy
from vectord.lhv1.parts_layout import PartsLayout, signs
from vectord.lhv1.rows_layout import DocumentsLayout, PieceLayout
from vectord.lhv1.section_names import PARTS_HEAD, PIECE

type Vector = array[float]

_PAGE: Final = 4_096  # bytes; the section cache keeps whole pages
_MOST_BYTES: Final = 8 << 20  # of all ranges, which stay in memory until the search takes them
_SEARCHED: Final = frozenset({"graph", "rows", "parts", PIECE, "tail"})  # sections that a search without a filter reads


class _Section(msgspec.Struct, frozen=True):
    """A section from `start` on in the object, of which the first `present` bytes were read: whole pages."""

    name: str
    start: int
    size: int
    present: int

    def missing(self, ranges: Sequence[ByteRange] | None) -> list[ByteRange]:
        """Return the missing pages of ascending `ranges` (None: of the section), as the section cache does."""
        found: list[ByteRange] = []
        for start, stop in [(0, self.size)] if ranges is None else ranges:
            first = max(start // _PAGE * _PAGE, self.present, found[-1][1] if found else 0)
            last = min(-(-stop // _PAGE) * _PAGE, self.size)
            if start < stop and first < last:
                is_next = found and found[-1][1] == first
                found.append((found.pop()[0] if is_next else first, last))
        return found


def ranges(data: Data, size: int, vector: Vector, k: int, recall: float | None = None) -> list[ByteRange]:
    """Return what a search without a filter reads of an object of `size` bytes that starts with `data`.

    `vector` is the query vector in float32; `recall` is None for the default. Return no range if the search reads the
    object in another way, if `data` does not have what chooses the partitions, and without the compiled kernel.
    """
    recall = DEFAULT_RECALL if recall is None else recall
    try:
        head = frame.decode_head(data, size)
        sections, of_parts = _sections(memoryview(data), head)
    except (BlobError, frame.Truncated, frame.VersionOne):  # the engine decodes it again, and reports it
        return []
    envelope = head.envelope
    if not envelope.parts or len(vector) != envelope.params.dimension or recall >= 1:
        return []
    layout = PartsLayout(envelope.params.dimension, envelope.parts.partitions)
    effort = fastest_by_ranges(envelope.parts, layout.entry_bytes, k, recall)
    if effort is None or len(of_parts) < layout.codes or not _are_faster(envelope, sections, effort, layout):
        return []
    codes = _code_ranges(bytes(of_parts[: layout.codes]), layout, vector, effort, envelope.params.distance)
    found = _in_object(_wanted(envelope, sections, codes)) if codes else []
    return found if size_of(found) <= _MOST_BYTES else []


def _wanted(envelope: Envelope, sections: Sequence[_Section], codes: list[ByteRange]) -> list[WantedOf[_Section]]:
    """Return what a search reads of each section in the round of the codes."""
    of_base = {"parts": codes, "rows": rounds.of_documents(DocumentsLayout(envelope.packed_rows))}
    by_codes = rounds.reads_codes_of_tail(envelope.tail_rows, envelope.params.dimension)
    tail = rounds.of_tail(_pieces(envelope, sections), _listed(sections), by_codes=by_codes)
    return [*((each, of_base[each.name]) for each in sections if each.name in of_base), *tail]


def _sections(data: memoryview, head: Head) -> tuple[list[_Section], memoryview]:
    """Return the sections that a search reads, and those first bytes of `parts` that are in `data`.

    Raises:
        BlobCorrupt: as `read_copy`.
    """
    found, copy = list[_Section](), data[:0]
    entries = head.envelope.sections
    size_of_parts = sum(entry.bytes for entry in entries if entry.name == "parts")
    for entry, start in zip(entries, head.section_starts(), strict=True):
        first = data[start : start + entry.bytes]
        if entry.name == PARTS_HEAD:
            copy = read_copy(first, entry.bytes, size_of_parts)
        elif entry.name in _SEARCHED:
            if entry.name == "parts":
                first = copy = max(copy, first, key=len)
            present = entry.bytes if len(first) == entry.bytes else len(first) // _PAGE * _PAGE
            found.append(_Section(entry.name, start, entry.bytes, present))
    return found, copy


def _are_faster(envelope: Envelope, sections: Sequence[_Section], effort: Effort, layout: PartsLayout) -> bool:
    """Return True if reading ranges takes less time than reading all sections, as the planner estimates it."""
    of_tail = sum(size_of(piece.missing([(0, of_piece.vectors)])) for piece, of_piece in _pieces(envelope, sections))
    of_tail += sum(size_of(section.missing(None)) for section in _listed(sections))
    seconds = seconds_by_ranges(effort.probes, effort.entries * layout.entry_bytes, effort.requests)
    missing = sum(size_of(section.missing(None)) for section in sections)
    return seconds + of_tail / BYTES_PER_SECOND < seconds_of_one_request(missing)


def _code_ranges(
    head: bytes, layout: PartsLayout, vector: Vector, effort: Effort, distance: Distance
) -> list[ByteRange]:
    """Return the bytes of the codes of the partitions that a search probes; `head` is that of the section `parts`."""
    native, is_cosine, count = compiled.native, distance == "cosine", layout.partitions
    if native is None:
        return []
    fields, of_rotation = memoryview(head), signs(layout.dimension)
    mean, scales, norms = (
        fields[start : start + 4 * size].cast("f")
        for start, size in ((layout.mean, layout.dimension), (layout.scales, count), (layout.norms, count))
    )
    levels = fields[layout.levels : layout.levels + count * layout.level_bytes].cast("B", (count, layout.level_bytes))
    residual = array("f", vector)
    native.rotate_query(vector, mean, of_rotation, is_cosine, array("f", vector), residual)
    ranked = array("q", bytes(8 * min(effort.probes, count)))
    native.rank(levels, scales, norms, mean, of_rotation, residual, is_cosine, None, ranked)
    first, entry_bytes = layout.codes, layout.entry_bytes
    starts = [first + entry_bytes * entry for entry in fields[layout.first_entries : layout.checksums].cast("I")]
    return [(starts[partition], starts[partition + 1]) for partition in within_reach(ranked, starts)]


def _listed(sections: Sequence[_Section]) -> list[_Section]:
    return [section for section in sections if section.name == "tail"]


def _pieces(envelope: Envelope, sections: Sequence[_Section]) -> list[tuple[_Section, PieceLayout]]:
    found = [section for section in sections if section.name == PIECE]
    layouts = [PieceLayout(envelope.params.dimension, rows) for rows in envelope.pieces or ()]
    return list(zip(found, layouts, strict=True))


def _in_object(wanted: Sequence[WantedOf[_Section]]) -> list[ByteRange]:
    """Return what the requests for missing bytes of sections read of the object; none if one is outside its section."""
    if not all(0 <= start <= stop <= section.size for section, some in wanted for start, stop in some or ()):
        return []
    return [
        (section.start + start, section.start + stop)
        for section, some in rounds.of_codes(wanted)
        for start, stop in in_requests(section.missing(some))
    ]
