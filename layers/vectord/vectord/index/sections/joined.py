"""The documents of an index in several places, as one: those of the base, of each piece, and of rows in memory."""

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from vectord.index.sections.base import Fetch
from vectord.index.sections.documents import Document, Documents, PackedDocuments, crc32s


class JoinedDocuments(msgspec.Struct, frozen=True, eq=False):
    """Documents of consecutive rows: those of `places[i]` have the rows `starts[i]` to `starts[i + 1]`.

    Every method fetches what it needs of all places together.
    """

    places: tuple[Documents, ...]
    starts: tuple[int, ...]

    @property
    def size(self) -> int:
        return sum(place.size for place in self.places)

    def find(self, ids: Iterable[str], fetch: Fetch) -> dict[str, int]:
        """Return the last row of each id that exists."""
        wanted = list(dict.fromkeys(ids))
        self._prefetch_found(wanted, fetch)
        row_of: dict[str, int] = {}
        for start, place in zip(reversed(self.starts[:-1]), reversed(self.places), strict=True):
            others = [vector_id for vector_id in wanted if vector_id not in row_of] if row_of else wanted
            if not others:
                break
            row_of |= {vector_id: start + row for vector_id, row in place.find(others, fetch).items()}
        return row_of

    def read(self, rows: Sequence[int], fetch: Fetch, limit: int = sys.maxsize) -> list[Document]:
        """Return the documents of ascending `rows`, as `Documents.read` does."""
        self.prefetch(rows, fetch)
        documents: list[Document] = []
        for place, some in self._divided(rows):
            found = place.read(some, fetch, limit)
            documents += found
            limit -= sum(len(document.metadata) for document in found if document.metadata is not None)
            if limit < 0:
                break
        return documents

    def ids(self, rows: Sequence[int], fetch: Fetch) -> list[str]:
        """Return only the ids of ascending `rows`."""
        self.prefetch(rows, fetch)
        return [vector_id for place, some in self._divided(rows) for vector_id in place.ids(some, fetch)]

    def prefetch(self, rows: Sequence[int], fetch: Fetch) -> None:
        """Fetch the bytes of ascending `rows` at once: first the directories, and then the documents."""
        partial = [
            (place, some)
            for place, some in self._divided(rows)
            if isinstance(place, PackedDocuments) and not place.section.whole
        ]
        if partial:
            fetch(*((place.section, [place.head, place.directory]) for place, _ in partial))
            fetch(*((place.section, place.byte_ranges(some)) for place, some in partial))

    def _prefetch_found(self, ids: Sequence[str], fetch: Fetch) -> None:
        """Fetch what `find` reads: first the directories of all places, and then the documents that it may find."""
        partial = [place for place in self._packed if not place.section.whole]
        if not partial:
            return
        fetch(*((place.section, [place.lookup]) for place in partial))
        hashes = crc32s(ids)
        found = [(place, place.candidates(hashes)[1]) for place in partial]
        fetch(*((place.section, place.byte_ranges(rows)) for place, rows in found if rows))

    @property
    def _packed(self) -> list[PackedDocuments]:
        return [place for place in self.places if isinstance(place, PackedDocuments)]

    def _divided(self, rows: Sequence[int]) -> Iterator[tuple[Documents, list[int]]]:
        """Yield each place that has some of the ascending `rows`, and these rows, numbered from its first."""
        at = 0
        while at < len(rows):
            number = bisect_right(self.starts, rows[at]) - 1
            start = self.starts[number]
            end = bisect_left(rows, self.starts[number + 1], at)
            yield self.places[number], [row - start for row in rows[at:end]]
            at = end
