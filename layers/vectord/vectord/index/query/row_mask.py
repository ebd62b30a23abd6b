"""Which rows may be in an answer: all that the index holds, or those that a filter leaves of them."""

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.state import Index

Array = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Chosen(Protocol):
    """The live rows that a filter leaves: masks over the base's rows, and over the tail's."""

    @property
    def base(self) -> Mask: ...
    @property
    def tail(self) -> Mask: ...


class RowMask(msgspec.Struct, frozen=True, eq=False, dict=True):
    """The rows of `index` that are not hidden: `hidden` in the base, `hidden_behind` in the tail, both ascending.

    `filtered` tells that more are hidden than were removed.
    """

    index: Index
    hidden: Array
    hidden_behind: Array
    filtered: bool = False

    @cached_property
    def inside(self) -> int:
        """How many rows of the base may be in the answer."""
        return self.index.covered - len(self.hidden)

    @cached_property
    def behind(self) -> int:
        """How many of the tail may."""
        return len(self.index.tail) - len(self.hidden_behind)

    @property
    def count(self) -> int:
        return self.inside + self.behind

    @cached_property
    def rows(self) -> Array:
        """The rows of the base that may be in the answer, ascending."""
        shown = np.ones(self.index.covered, bool)
        shown[self.hidden] = False
        return np.flatnonzero(shown)


def scope_of(index: Index, among: Chosen | None = None, without: Sequence[int] = ()) -> RowMask:
    """Return the rows of `index` that are `among` the chosen ones, if some were chosen, and not in `without`."""
    if among is None and not without:
        return RowMask(index, index.gone, index.gone_behind)
    inside, behind = np.ones(index.covered, bool), np.ones(len(index.tail), bool)
    inside[index.gone] = False
    behind[index.gone_behind] = False
    if among is not None:
        inside &= among.base
        behind &= among.tail
    for row in without:
        if row < index.covered:
            inside[row] = False
        else:
            behind[row - index.covered] = False
    return RowMask(index, np.flatnonzero(~inside), np.flatnonzero(~behind), among is not None)
