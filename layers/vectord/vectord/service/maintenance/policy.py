"""Who builds a graph anew when that is due: the request that meets it where it has the time, else a compaction."""

from typing import Final, Protocol

import msgspec

from vectord.errors import StoreError
from vectord.index.sections.documents import PackedDocuments
from vectord.index.state import Index
from vectord.index.thresholds import Thresholds, build_is_due
from vectord.service.environment import Environment

# What a build takes on one vCPU; docs/decisions/builds.md has the measurements.
_COMPONENT: Final = 4e-7  # seconds a component of a vector
_BANDWIDTH: Final = 75e6  # bytes a second, from S3 and to it
_COPIES: Final = 6  # of the index in memory at once

_SHARE: Final = 0.5  # of the time left that a build may take; a lost race repeats it
_ASKED: Final = 60.0  # seconds for which one request for a compaction is enough
_PATIENCE: Final = 2.0  # seconds that a change, which is committed by then, waits until its request is heard


class Send(Protocol):
    """Sends an event to the function that compacts."""

    def __call__(self, payload: bytes, seconds: float) -> None:
        """Send it, as JSON text, and wait for so many seconds at most; to send it twice does no harm.

        Raises:
            StoreError: perhaps nobody heard it.
        """


class BuildPolicy:
    """Decides for one function, which has `memory` bytes; without a way to ask another every build is its own."""

    def __init__(self, environment: Environment, send: Send | None = None, memory: int = 0) -> None:
        self._world, self._send, self._memory = environment, send, memory
        self._asked: dict[str, float] = {}

    def is_put_off(self, index: Index, sizes: Thresholds, until: float) -> bool:
        """Tell whether a build of `index` is due that does not fit in here, or not before `until`."""
        if self._send is None or not index.can_keep_base or not build_is_due(index, sizes):
            return False
        return seconds(index) > _SHARE * (until - self._world.now()) or _COPIES * _size(index) > self._memory

    def hand_over(self, name: str) -> None:
        """Ask for a compaction, unless that was just done; if nobody hears it, the next change asks again."""
        now = self._world.now()
        if self._send is None or now < self._asked.get(name, now):
            return
        try:
            self._send(msgspec.json.encode({"index": name}), _PATIENCE)
        except StoreError:
            self._world.meter.add("CompactionsUnheard")  # the change is committed, so it is answered as such
            return
        self._asked[name] = now + _ASKED
        self._world.meter.add("CompactionsAsked")


def seconds(index: Index) -> float:
    """Return about how long it takes to bring what is missing here of `index`, to build it anew, and to write it."""
    components = len(index) * index.params.dimension
    return components * _COMPONENT + (_missing(index) + _size(index)) / _BANDWIDTH


def _size(index: Index) -> int:
    return sum(entry.bytes for entry in (*(index.base.entries if index.base else ()), *index.tail_entries))


def _missing(index: Index) -> int:
    sections = list(index.tail.pieces)
    if index.base:
        sections.append(index.base.graph.section)
        if isinstance(index.base.documents, PackedDocuments):
            sections.append(index.base.documents.section)
    return sum(stop - start for section in sections for start, stop in section.missing(None))
