"""The reads of one blob: an index, or one shard of one."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import structs

from vectord.index.kernels.distance import F32
from vectord.index.query.prefetch import fetch_all
from vectord.index.query.query import Answer
from vectord.index.query.search import search_many
from vectord.index.state import Index
from vectord.lhv1.params import Params
from vectord.service.environment import Meter
from vectord.service.query import Ask
from vectord.service.results import Description, SearchOutcome, Warmed
from vectord.service.snapshots.cache import Snapshot
from vectord.service.snapshots.reader import SnapshotReader

if TYPE_CHECKING:
    from vectord.service.snapshots.versions import Versions

_READ: Final = ("ReadBytes", "ReadRequests")


class IsSharded(Exception):
    """The blob holds no rows but the parameters of a sharded index: another way leads to those."""

    def __init__(self, params: Params) -> None:
        super().__init__(params.name)
        self.params = params


class SingleReads:
    """Each use case may raise IsSharded, and what `SnapshotReader` does for the blob it names."""

    def __init__(self, reads: SnapshotReader, past: "Callable[[], Versions]") -> None:
        """Take `past` to make what reads earlier states, when one is asked for."""
        self._reads, self._past, self._meter = reads, past, reads.environment.meter

    def describe(self, name: str, until: float, as_of: str | None = None) -> Description:
        state = self._reads.state(name, until) if as_of is None else self._past().state_as_of(name, as_of, until)
        one_blob(state.index)
        return described(state)

    def search(self, name: str, queries_for: Callable[[Index], Sequence[F32]], ask: Ask, until: float) -> SearchOutcome:
        """Find the matches nearest to each of the queries that `queries_for` makes for an index."""
        read = _Reading(self._meter)

        def find(index: Index) -> list[Answer]:
            query, among = ask.of(index)
            query = structs.replace(query, vectors=tuple(queries_for(index)))
            return search_many(index, query, among, read_ahead=not read.bytes)

        answers, state = self.using(name, ask, until, find)
        if read.bytes >= state.index.size:
            answers = [_came_whole(answer) for answer in answers]
        return SearchOutcome(answers, state.etag, read.bytes, read.requests)

    def warm(self, name: str, until: float) -> Warmed:
        """Bring all of the blob here that is not."""
        read = _Reading(self._meter)
        _, state = self._reads.using(name, until, lambda index: fetch_all(one_blob(index)), ahead=True)
        return Warmed(state.index.size, state.etag, read.bytes, read.requests)

    def using[R](self, name: str, ask: Ask, until: float, use: Callable[[Index], R]) -> tuple[R, Snapshot]:
        """Return what `use` makes of the state that is asked for, and the state."""

        def checked(index: Index) -> R:
            return use(one_blob(index))

        if ask.as_of is None:
            return self._reads.using(name, until, checked, ask.staleness, ahead=True)
        return self._past().using(name, ask.as_of, until, checked)


class _Reading:
    """What was taken of the store, by this thread, since this was made."""

    def __init__(self, meter: Meter) -> None:
        self._meter, self._before = meter, [meter.value(name) for name in _READ]

    @property
    def bytes(self) -> int:
        return int(self._meter.value(_READ[0]) - self._before[0])

    @property
    def requests(self) -> int:
        return int(self._meter.value(_READ[1]) - self._before[1])


def _came_whole(answer: Answer) -> Answer:
    """Return the answer of a search that found everything here since all of it had come with its head."""
    return structs.replace(answer, plan="whole") if answer.plan == "local" else answer


def one_blob(index: Index) -> Index:
    """Return `index` if it holds rows of its own; raise IsSharded if it does not."""
    if index.params.shards:
        raise IsSharded(index.params)
    return index


def described(state: Snapshot) -> Description:
    index = state.index
    base = index.base
    return Description(
        index.params,
        len(index),
        index.size,
        base.graph.section.size if base else 0,
        base.calibration if base else {},
        state.etag,
    )
