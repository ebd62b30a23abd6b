"""Earlier states made present again, and states of one index under another name."""

from collections.abc import Container
from functools import cached_property

from vectord.service.history.copy import Copies
from vectord.service.history.restore import Restores
from vectord.service.results import Description
from vectord.service.write_dispatch import Writer


class Pasts(Writer):
    """What is made of states that are stored already."""

    def restore(self, name: str, as_of: str, until: float, expected: Container[str] | None = None) -> Description:
        """Make an earlier state the present one, as `Restores.restore` does."""
        return self._restores.restore(name, as_of, until, expected)

    def copy(self, name: str, to: str, until: float, as_of: str | None = None) -> Description:
        """Copy an index to a new name, as `Copies.copy` does."""
        return self._copies.copy(name, to, until, as_of)

    @cached_property
    def _restores(self) -> Restores:
        writing = self._writing
        return Restores(writing.core.reads, writing.core.versions, writing.commits, writing.lifecycle, writing.sizes)

    @cached_property
    def _copies(self) -> Copies:
        writing = self._writing
        return Copies(writing.core.reads, writing.core.versions, writing.lifecycle, writing.sizes)
