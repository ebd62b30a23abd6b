"""Find candidates in the partitions nearest to a query: choose the partitions, fetch their codes, and compare codes."""

from collections.abc import Sequence
from typing import Final
from weakref import WeakKeyDictionary

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.kernels.distance import F32
from vectord.index.query import prefetch
from vectord.index.query.planner import SearchPlan
from vectord.index.rows import Mask, RowMask
from vectord.index.sections.parts import Parts
from vectord.index.state import Base, Index

Array = npt.NDArray[np.int64]

_MOSTLY_ELIGIBLE: Final = 0.9  # a share of eligible rows from which nearly every partition has one
# For a row mask, the partitions that have rows of it. An entry is dropped with its mask.
_ELIGIBLE: Final[WeakKeyDictionary[RowMask, Mask]] = WeakKeyDictionary()


class Probed(msgspec.Struct, frozen=True):
    """The candidates that a query found, and the numbers of partitions and entries that were examined.

    Those of a search by ranges are ordered, best first.
    """

    rows: Array
    partitions: int
    entries: int


def find(index: Index, base: Base, mask: RowMask, queries: Sequence[F32], plan: SearchPlan) -> list[Probed]:
    """Return about `plan.effort` candidates of each query; codes that are missing are fetched in one round.

    Raises:
        BlobCorrupt: a partition does not match its checksum. It also raises what fetching raises.
    """
    parts = base.parts
    if parts is None:
        raise AssertionError("a plan over partitions needs an index that has some")
    eligible = _eligible(parts, mask)
    rotated = [parts.query(query) for query in queries]
    if len(rotated) == 1:
        ranked = [parts.rank(rotated[0], plan.probes, eligible)]
    else:
        ranked = parts.rank_all(rotated, plan.probes, eligible)
    if not parts.section.whole:
        prefetch.fetch_codes(index, base, ranked)
    candidates = parts.estimated if plan.fetch == "ranges" else parts.nearest
    found = []
    for query, partitions in zip(rotated, ranked, strict=True):
        rows, entries = candidates(query, partitions, plan.effort, mask.hidden_in_base)
        found.append(Probed(rows, len(partitions), entries))
    return found


def _eligible(parts: Parts, mask: RowMask) -> Mask | None:
    """Return which partitions have primary rows in the mask, bool (partitions,); None if nearly all have."""
    if mask.base_count > _MOSTLY_ELIGIBLE * len(mask.base):
        return None
    eligible = _ELIGIBLE.get(mask)
    if eligible is None:
        before = np.concatenate(([0], np.cumsum(mask.base)))  # the eligible rows before each row
        eligible = _ELIGIBLE[mask] = before[parts.first_rows[1:]] > before[parts.first_rows[:-1]]
    return eligible
