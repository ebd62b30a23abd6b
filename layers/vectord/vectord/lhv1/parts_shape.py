"""The key `parts` of an envelope: the counts of the section `parts`, and the recall of searches over its partitions.

A reader knows from it where the codes of the section start, and which plan reaches its target recall, before it reads
the section.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec

_MAX_ENTRIES = 2**32 - 1  # the section has the numbers of rows and of entries as uint32
_MAX_COPIES = 2  # entries of a row: in its primary partition, and where it is spilled
_MAX_REQUESTS = 2**31


class WarmPoint(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A search in memory: the probes, the rows that it rescored, the mean entries that it examined, and its recalls."""

    probes: int
    rows: int
    entries: int
    recall_10: float
    recall_100: float


class ColdPoint(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A search by ranges: the probes, the rows that it considered, its requests for rows, and its recalls."""

    probes: int
    rows: int
    requests: int
    recall_10: float
    recall_100: float


class PartsShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The number of partitions and of entries of a section `parts`, and its calibration at ascending probes."""

    partitions: int
    entries: int
    warm: tuple[WarmPoint, ...] = ()
    cold: tuple[ColdPoint, ...] = ()

    @property
    def curves(self) -> dict[str, dict[int, float]]:
        """The best measured recall@10: `partitions` by probes in memory, `ranges` by requests for rows.

        A curve without points is left out.
        """
        curves = {
            "partitions": _best((point.probes, point.recall_10) for point in self.warm),
            "ranges": _best((point.requests, point.recall_10) for point in self.cold),
        }
        return {name: curve for name, curve in curves.items() if curve}


def invalid_reason(shape: PartsShape, rows: int) -> str | None:
    """Return why this cannot be the shape of a section `parts` over `rows` rows, or None if it can."""
    if not 0 < rows <= shape.entries <= min(_MAX_COPIES * rows, _MAX_ENTRIES):
        return f"{shape.entries:,} entries cannot be those of {rows:,} rows"
    if not 0 < shape.partitions <= shape.entries:
        return f"{shape.partitions:,} partitions cannot have {shape.entries:,} entries"
    curves: tuple[Sequence[WarmPoint | ColdPoint], ...] = (shape.warm, shape.cold)
    for curve in curves:
        if any(before.probes > after.probes for before, after in pairwise(curve)):
            return "the probes of a curve do not ascend"
        if not all(_is_in_range(point, shape, rows) for point in curve):
            return "a point of a curve is out of range"
    return None


def _is_in_range(point: WarmPoint | ColdPoint, shape: PartsShape, rows: int) -> bool:
    is_effort_valid = (
        0 <= point.entries <= shape.entries if isinstance(point, WarmPoint) else 0 < point.requests < _MAX_REQUESTS
    )
    recalls = (point.recall_10, point.recall_100)
    return (
        is_effort_valid
        and 0 < point.probes <= shape.partitions
        and 0 < point.rows <= rows
        and all(0 <= recall <= 1 for recall in recalls)
    )


def _best(points: Iterable[tuple[int, float]]) -> dict[int, float]:
    """Return the largest recall of each effort, by ascending efforts."""
    best = dict[int, float]()
    for effort, recall in sorted(points):
        best[effort] = recall  # the last one of an effort is the largest
    return best
