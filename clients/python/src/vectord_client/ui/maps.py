"""A map of an index: a sample of its vectors in two dimensions, with a value of their metadata as colours."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import Lock
from typing import Any, Final

import msgspec

from vectord_client.errors import ArgumentInvalid
from vectord_client.session import Session
from vectord_client.ui.projection import project
from vectord_client.values import IndexInfo, Row
from vectord_client.wire import operations

_MOST_POINTS: Final = 5_000
_MOST_COMPONENTS: Final = 10_000_000  # of all vectors of a sample: 80 MB as float64
_ROWS_OF_A_SEGMENT: Final = 100
_MOST_SEGMENTS: Final = 20
_SIDE_BY_SIDE: Final = 8  # requests
_PAGE: Final = 1_000
_SHOWN_TEXT: Final = 200  # characters of a value


class Map(msgspec.Struct, frozen=True):
    """Points in the order of `ids`; `matches` says which satisfy the filter, None without one.

    `explained` is the share of the sample's variance that the two axes have.
    """

    count: int
    ids: list[str]
    x: list[float]
    y: list[float]
    values: list[Any]
    explained: float
    matches: list[bool] | None = None


class _Sample(msgspec.Struct, frozen=True):
    key: tuple[str, str, int]
    segments: list[list[str]]  # ids, the first ones of each segment
    metadata: list[Any]
    x: list[float]
    y: list[float]
    explained: float


class Maps:
    """Makes maps. The latest sample is kept until the index changes, so that another colour or filter is quick."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = Lock()
        self._latest: _Sample | None = None

    def map(self, index: str, size: int, path: str | None, matching: Mapping[str, Any] | None) -> Map:
        """Return a map of up to `size` vectors.

        Raises:
            ArgumentInvalid: `size` is not positive, or too large.
        """
        if not 1 <= size <= _MOST_POINTS:
            raise ArgumentInvalid(f"A map has 1 to {_MOST_POINTS:,} points, not {size:,}.")
        info = self._session.run(operations.describe(index))
        with self._lock:
            sample = self._sampled(info, min(size, _MOST_COMPONENTS // info.dimension))
        return Map(
            count=info.count,
            ids=[one for segment in sample.segments for one in segment],
            x=sample.x,
            y=sample.y,
            values=[_shown(first_value(metadata, path)) for metadata in sample.metadata] if path else [],
            explained=sample.explained,
            matches=None if matching is None else list(self._matches(index, sample, matching)),
        )

    def _sampled(self, info: IndexInfo, size: int) -> _Sample:
        key = (info.name, info.etag, size)
        if self._latest is None or self._latest.key != key:
            self._latest = None  # before another one is in memory
            self._latest = self._loaded(key, info)
        return self._latest

    def _loaded(self, key: tuple[str, str, int], info: IndexInfo) -> _Sample:
        """Read the first rows of equal parts of the index: its first rows alone may be those of one subject."""
        name, _, size = key
        count = 1 if info.count <= size else min(_MOST_SEGMENTS, -(-size // _ROWS_OF_A_SEGMENT))
        limits = [size * (segment + 1) // count - size * segment // count for segment in range(count)]

        def first_rows(segment: int) -> list[Row]:
            rows = self._rows(name, segment, count, limits[segment], include=("metadata", "vector"))
            return list(islice(rows, limits[segment]))

        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            segments = list(pool.map(first_rows, range(count)))
        rows = [row for segment in segments for row in segment]
        plane = project([row.vector for row in rows], directions=info.distance == "cosine")
        ids = [[row.id for row in segment] for segment in segments]
        return _Sample(key, ids, [row.metadata for row in rows], plane.x, plane.y, plane.explained)

    def _matches(self, name: str, sample: _Sample, matching: Mapping[str, Any]) -> Iterator[bool]:
        """Yield which vectors of a sample satisfy a filter.

        A listing has one order, with and without a filter: of a segment, the matches among its first n rows are among
        its first n matches.
        """
        count = len(sample.segments)

        def first_matches(segment: int) -> set[str]:
            limit = len(sample.segments[segment])
            rows = self._rows(name, segment, count, limit, include=("metadata",), matching=matching)
            return {row.id for row in islice(rows, limit)}

        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            for ids, matches in zip(sample.segments, pool.map(first_matches, range(count)), strict=True):
                yield from (one in matches for one in ids)

    def _rows(
        self,
        name: str,
        segment: int,
        segments: int,
        limit: int,
        *,
        include: Iterable[str],
        matching: Mapping[str, Any] | None = None,
    ) -> Iterator[Row]:
        parts = {} if segments == 1 else {"segment": segment, "segments": segments}
        pages = self._session.pages(
            lambda cursor: operations.rows(
                name, cursor=cursor, filter=matching, include=tuple(include), limit=min(max(limit, 1), _PAGE), **parts
            )
        )
        for page in pages:
            yield from page.items


def first_value(metadata: Any, path: str) -> str | int | float | bool | None:
    """Return the first text, number or boolean at a path; None if the path leads to no value.

    `"by.name"` is the key `name` inside `by`, or a key that contains the dot. A path for a key that starts with `$` may
    have a backslash before it.
    """
    plain = path[1:] if path.lstrip("\\").startswith("$") and path.startswith("\\") else path
    return next(_values(metadata, plain.split(".")), None)


def _values(found: Any, keys: list[str]) -> Iterator[str | int | float | bool]:
    if isinstance(found, list):
        for element in found:
            yield from _values(element, keys)
    elif not keys:
        if isinstance(found, str | int | float):
            yield found
    elif isinstance(found, dict):
        for length in range(1, len(keys) + 1):
            if (key := ".".join(keys[:length])) in found:
                yield from _values(found[key], keys[length:])


def _shown(value: Any) -> Any:
    return value[:_SHOWN_TEXT] if isinstance(value, str) else value
