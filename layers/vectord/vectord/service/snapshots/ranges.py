"""Read ranges of one object, pinned to an ETag, into cached section files."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from vectord.cache.section_file import SectionFile
from vectord.errors import ConditionFailed, ObjectChanged, ObjectNotFound
from vectord.index.query.coalescing import in_requests
from vectord.index.sections.base import ByteRange, Section, SectionRanges
from vectord.lhv1.frame import Head, check_section
from vectord.lhv1.parts_copy import read_copy
from vectord.lhv1.section_names import PARTS_HEAD
from vectord.service.values.environment import Environment
from vectord.storage.base import Data, Reader

_BATCH_BYTES: Final = 64 << 20  # bytes that are read into memory before they are written to files


class RangeReader(msgspec.Struct, frozen=True, eq=False):
    """Fetches bytes of the object `name` at `etag`, whose sections start at `starts`.

    `capacity` is the number of bytes that the section cache can keep.

    Raises, when called:
        ObjectChanged: the object has another ETag, or was deleted.
        BlobCorrupt: a section is complete and does not match its checksum.
        StoreUnavailable, StoreRefused
    """

    store: Reader
    name: str
    etag: str
    starts: Mapping[SectionFile, int]
    capacity: int
    environment: Environment

    @property
    def is_local(self) -> bool:
        return False

    def __call__(self, *wanted: SectionRanges) -> None:
        for batch in _batches(self._missing(wanted)):
            ranges = [(self.starts[file] + start, self.starts[file] + stop) for file, (start, stop) in batch]
            for (file, (start, _)), data in zip(batch, self.read(ranges), strict=True):
                file.write(start, data)

    def read(self, ranges: Sequence[ByteRange]) -> Sequence[Data]:
        """Return the bytes of each range of the object."""
        try:
            parts = self.store.read(self.name, self.etag, ranges)
        except (ConditionFailed, ObjectNotFound) as error:
            raise ObjectChanged(self.name) from error
        self.environment.meter.add("ReadRequests", len(ranges))
        self.environment.meter.add("ReadRounds")
        self.environment.meter.add("ReadBytes", sum(map(len, parts)))
        return parts

    def _missing(self, wanted: Sequence[SectionRanges]) -> Iterator[tuple[SectionFile, ByteRange]]:
        for section, needed in wanted:
            missing = [] if section.whole else section.missing(needed)
            if missing:
                file = _file_of(section)
                yield from ((file, part) for part in in_requests(missing))


def write_first_bytes(data: memoryview, head: Head, starts: Mapping[SectionFile, int], *, partly: bool) -> None:
    """Write to each section file what `data`, the first bytes of the object with `head`, have of its section.

    `starts` are as for `RangeReader`. Without `partly`, only sections that are whole in `data` are written.

    Raises:
        BlobCorrupt: a section is complete and does not match its checksum, or `parts-head` is too short for its copy.
    """
    for file, start in starts.items():
        if not file.whole and (start < len(data) if partly else start + file.size <= len(data)):
            file.write(0, data[start : start + file.size])
    first = next(iter(head.envelope.sections), None)
    if first and first.name == PARTS_HEAD:
        [parts] = [file for file in starts if file.entry.name == "parts"]
        section = data[head.body_start : head.body_start + first.bytes]
        if len(section) == first.bytes:
            check_section(first, section)
        copy = read_copy(section, first.bytes, parts.size)
        if partly:
            parts.write(0, copy)


def _file_of(section: Section) -> SectionFile:
    if isinstance(section, SectionFile):
        return section
    raise AssertionError("a section in memory is never incomplete")


def _batches(ranges: Iterator[tuple[SectionFile, ByteRange]]) -> Iterator[list[tuple[SectionFile, ByteRange]]]:
    batch: list[tuple[SectionFile, ByteRange]] = []
    size = 0
    for file, (start, stop) in ranges:
        batch.append((file, (start, stop)))
        size += stop - start
        if size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
