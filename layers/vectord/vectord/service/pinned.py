"""Read ranges of one object in one state into local files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from vectord.errors import ConditionFailed, ObjectMissing, ObjectMoved
from vectord.index.sections import Section, Span, Wanted
from vectord.local import LocalFile
from vectord.service.world import World
from vectord.stores import Store

_PIECE: Final = 4 << 20  # bytes of one request of a long range
_ROUND: Final = 64 << 20  # bytes in memory at a time, on their way to a file
_MOST: Final = 40  # requests for scattered ranges; more of them cost more than the gaps between
_NEAR: Final = 16 << 10  # a gap that is read rather than asked around
_GAPS: Final = 1 << 20  # bytes of larger gaps that are read to save requests


@dataclass(frozen=True, eq=False)
class Pinned:
    """Object `name` at `etag`, whose sections start at `starts`; it brings their bytes here.

    `room` is how many of them can stay.

    Raises, when called:
        ObjectMoved: the object is at another ETag by now, or gone.
        BlobCorrupt: a section came whole and does not match its checksum.
        StoreUnavailable, StoreRefused
    """

    store: Store
    name: str
    etag: str
    starts: Mapping[LocalFile, int]
    room: int
    world: World

    def __call__(self, *wanted: Wanted) -> None:
        for some in _rounds(self._pieces(wanted)):
            spans = [(self.starts[file] + start, self.starts[file] + stop) for file, (start, stop) in some]
            for (file, (start, _)), data in zip(some, self.read(spans), strict=True):
                file.write(start, data)

    def read(self, spans: Sequence[Span]) -> list[bytes]:
        """Return bytes of the object."""
        try:
            parts = self.store.read(self.name, self.etag, spans)
        except (ConditionFailed, ObjectMissing) as error:
            raise ObjectMoved(self.name) from error
        self.world.meter.add("ReadRequests", len(spans))
        self.world.meter.add("ReadBytes", sum(map(len, parts)))
        return parts

    def _pieces(self, wanted: Sequence[Wanted]) -> Iterator[tuple[LocalFile, Span]]:
        for section, spans in wanted:
            missing = [] if section.whole else section.missing(spans)
            if missing:
                file = _local(section)
                yield from ((file, piece) for span in joined(missing) for piece in _cut(span))


def _local(section: Section) -> LocalFile:
    if isinstance(section, LocalFile):
        return section
    raise AssertionError("a section that is in memory misses nothing")


def joined(spans: Sequence[Span]) -> list[Span]:
    """Return ascending `spans` with near ones made one, and more where there are many and the bytes between are few."""
    gaps = sorted((after[0] - before[1], at) for at, (before, after) in enumerate(pairwise(spans)))
    closed: set[int] = set()
    spent = 0
    for gap, at in gaps:
        if gap > _NEAR:
            spent += gap
            if len(spans) - len(closed) <= _MOST or spent > _GAPS:
                break
        closed.add(at)
    result = [spans[0]]
    for at, span in enumerate(spans[1:]):
        if at in closed:
            result[-1] = (result[-1][0], span[1])
        else:
            result.append(span)
    return result


def _cut(span: Span) -> Iterator[Span]:
    for start in range(span[0], span[1], _PIECE):
        yield start, min(span[1], start + _PIECE)


def _rounds(pieces: Iterator[tuple[LocalFile, Span]]) -> Iterator[list[tuple[LocalFile, Span]]]:
    some: list[tuple[LocalFile, Span]] = []
    size = 0
    for piece in pieces:
        some.append(piece)
        size += piece[1][1] - piece[1][0]
        if size >= _ROUND:
            yield some
            some, size = [], 0
    if some:
        yield some
