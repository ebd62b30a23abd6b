"""Add the rows of uploaded files to an index, in one change, and record each file so that it is added once."""

from collections.abc import Sequence

import msgspec

from vectord.deadline import DeadlineCheck
from vectord.errors import ObjectChanged
from vectord.index import mutations
from vectord.index.state import Index
from vectord.service.values.validation import Add


class FileRows(msgspec.Struct, frozen=True, eq=False):
    """The rows of one version of a file, and the sequencers of earlier versions that were refused."""

    key: str
    sequencer: str
    rows: Add
    refused: Sequence[str] = ()

    def apply(self, index: Index, name: str, check: DeadlineCheck) -> tuple[Index, tuple[int, int]]:
        """Return the index with the file, the number of rows, and 1 if only a later version was applied before."""
        if mutations.is_stale(index.applied, self.key, self.sequencer):
            return index, (0, int(not mutations.is_recorded(index.applied, self.key, self.sequencer)))
        changed, _ = self.rows.apply(index, name, check)
        return mutations.record_upload(changed, self.key, self.sequencer, self.refused), (self.rows.adds, 0)


class AddFiles(msgspec.Struct, frozen=True, eq=False):
    """A change that adds files in their order; a file that was applied before changes nothing.

    Its effect has two numbers for each file: the rows that it added, and 1 if it was overtaken by a later version. The
    rows were validated for an index of this dimension and distance.
    """

    files: Sequence[FileRows]
    dimension: int
    distance: str

    @property
    def effect_length(self) -> int:
        return 2 * len(self.files)

    @property
    def adds(self) -> int:
        return sum(file.rows.adds for file in self.files)

    def apply(self, index: Index, name: str, check: DeadlineCheck) -> tuple[Index, tuple[int, ...]]:
        """Return the changed index `name` and the effect.

        Raises:
            ObjectChanged: the index was deleted and created again with other parameters.
        """
        found = index.params
        if found.shards or (found.dimension, found.distance) != (self.dimension, self.distance):
            raise ObjectChanged(name)
        effect: list[int] = []
        for file in self.files:
            check()
            index, counts = file.apply(index, name, check)
            effect += counts
        return index, tuple(effect)
