"""Let a search by vector and the reading of texts share rounds of requests."""

from collections.abc import Sequence

from msgspec import structs

from vectord.index.sections.base import Fetch, SectionRanges
from vectord.index.state import Index
from vectord.index.text.reading import Steps


class SharedRounds[T]:
    """Fetches for a search, and in the same rounds what steps read next, until these have ended."""

    def __init__(self, fetch: Fetch, steps: Steps[T]) -> None:
        self._fetch, self._steps = fetch, steps
        self._result: T | None = None
        self._next: Sequence[SectionRanges] | None = None
        self._advance()

    @property
    def capacity(self) -> int:
        return self._fetch.capacity

    @property
    def is_local(self) -> bool:
        return self._fetch.is_local

    def __call__(self, *wanted: SectionRanges) -> None:
        if not _are_missing(wanted):
            return  # no round that could be shared
        self._fetch(*wanted, *(self._next or ()))
        if self._next is not None:
            self._advance()

    def result(self) -> T:
        """Fetch what the steps have not read yet, and return their result."""
        while self._next is not None:
            self._fetch(*self._next)
            self._advance()
        assert self._result is not None
        return self._result

    def _advance(self) -> None:
        """Advance to the next step that reads anything."""
        try:
            self._next = next(self._steps)
            while not _are_missing(self._next):
                self._next = next(self._steps)
        except StopIteration as stop:
            self._next, self._result = None, stop.value


def _are_missing(wanted: Sequence[SectionRanges]) -> bool:
    return any(section.missing(ranges) for section, ranges in wanted if not section.whole)


def together[T](steps: Sequence[Steps[T]]) -> Steps[list[T]]:
    """Take all steps side by side, so that what they read next is one round, and return their results."""
    results = dict[int, T]()
    waiting = dict(enumerate(steps))
    while waiting:
        wanted = list[SectionRanges]()
        for at, each in list(waiting.items()):
            try:
                wanted += next(each)
            except StopIteration as stop:
                results[at] = stop.value
                del waiting[at]
        if waiting:
            yield _merged(wanted)
    return [results[at] for at in range(len(steps))]


def _merged(wanted: Sequence[SectionRanges]) -> list[SectionRanges]:
    """Return what is wanted with each section once, so that no page is requested twice in a round."""
    found = dict[int, SectionRanges]()
    for section, ranges in wanted:
        before = found.get(id(section), (section, ()))[1]
        both = None if before is None or ranges is None else sorted({(int(a), int(b)) for a, b in (*before, *ranges)})
        found[id(section)] = section, both
    return list(found.values())


def with_fetch(index: Index, fetch: Fetch) -> Index:
    """Return an index that fetches with `fetch`, with what is known of it already."""
    other = structs.replace(index, fetch=fetch)
    other.__dict__.update(index.__dict__)
    return other
