"""Read ranges of one object, pinned to an ETag, into cached section files."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from vectord.cache.section_file import SectionFile
from vectord.errors import ConditionFailed, ObjectChanged, ObjectNotFound
from vectord.index.sections.base import ByteRange, Section, SectionRanges
from vectord.service.values.environment import Environment
from vectord.storage.base import Data, Reader

_PIECE: Final = 8 << 20  # bytes of one request of a long range
_ROUND: Final = 64 << 20  # bytes in memory at a time, before they are written to a file
_NEAR: Final = 48 << 10  # a gap between ranges that is read too: it takes less time than another request


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

    def __call__(self, *wanted: SectionRanges) -> None:
        for some in _rounds(self._pieces(wanted)):
            spans = [(self.starts[file] + start, self.starts[file] + stop) for file, (start, stop) in some]
            for (file, (start, _)), data in zip(some, self.read(spans), strict=True):
                file.write(start, data)

    def read(self, spans: Sequence[ByteRange]) -> Sequence[Data]:
        """Return bytes of the object."""
        try:
            parts = self.store.read(self.name, self.etag, spans)
        except (ConditionFailed, ObjectNotFound) as error:
            raise ObjectChanged(self.name) from error
        self.environment.meter.add("ReadRequests", len(spans))
        self.environment.meter.add("ReadBytes", sum(map(len, parts)))
        return parts

    def _pieces(self, wanted: Sequence[SectionRanges]) -> Iterator[tuple[SectionFile, ByteRange]]:
        for section, spans in wanted:
            missing = [] if section.whole else section.missing(spans)
            if missing:
                file = _local(section)
                yield from ((file, piece) for span in joined(missing) for piece in cut(span))


def _local(section: Section) -> SectionFile:
    if isinstance(section, SectionFile):
        return section
    raise AssertionError("a section in memory is never incomplete")


def joined(spans: Sequence[ByteRange]) -> list[ByteRange]:
    """Return ascending `spans`, joined where the gap between them is small."""
    result = [spans[0]]
    for start, stop in spans[1:]:
        if start - result[-1][1] <= _NEAR:
            result[-1] = (result[-1][0], stop)
        else:
            result.append((start, stop))
    return result


def cut(span: ByteRange) -> Iterator[ByteRange]:
    """Yield the pieces of a span that are read by one request each."""
    for start in range(span[0], span[1], _PIECE):
        yield start, min(span[1], start + _PIECE)


def _rounds(pieces: Iterator[tuple[SectionFile, ByteRange]]) -> Iterator[list[tuple[SectionFile, ByteRange]]]:
    some: list[tuple[SectionFile, ByteRange]] = []
    size = 0
    for piece in pieces:
        some.append(piece)
        size += piece[1][1] - piece[1][0]
        if size >= _ROUND:
            yield some
            some, size = [], 0
    if some:
        yield some
