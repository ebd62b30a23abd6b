"""The changes of one blob: an index, or one shard of one."""

from collections.abc import Callable, Container, Sequence

from vectord import index as ix
from vectord.index import Index, Item
from vectord.params import Params
from vectord.service.commits import Commits
from vectord.service.lifecycle import Lifecycle
from vectord.service.plain import described, one_blob
from vectord.service.results import Added, Deleted, Described


class PlainWrites:
    """Each use case may raise IsSharded, and what `Commits` or `Lifecycle` do for the blob it names."""

    def __init__(self, commits: Commits, lifecycle: Lifecycle) -> None:
        self._commits, self._lifecycle = commits, lifecycle

    def create(self, new: Params, until: float) -> Described:
        return described(self._lifecycle.create(ix.create(new), until))

    def delete(self, name: str, until: float, expected: Container[str] | None = None) -> None:
        """Delete the blob, whatever it is."""
        self._lifecycle.delete(name, until, expected)

    def add(
        self,
        name: str,
        items_for: Callable[[Params], Sequence[Item]],
        until: float,
        expected: Container[str] | None = None,
    ) -> Added:
        """Add or replace in one commit the items that `items_for` makes of a batch for an index of these parameters."""

        def upsert(index: Index) -> tuple[Index, tuple[int, int, int]]:
            changed, added, replaced = ix.upsert(index, items_for(one_blob(index).params))
            return changed, (added, replaced, len(changed))

        done = self._commits.change(name, upsert, until, expected)
        return Added(*done.result, done.state.etag)

    def remove(self, name: str, ids: Sequence[str], until: float, expected: Container[str] | None = None) -> Deleted:
        def remove(index: Index) -> tuple[Index, tuple[int, int]]:
            changed, deleted = ix.remove(one_blob(index), ids)
            return changed, (deleted, len(changed))

        done = self._commits.change(name, remove, until, expected)
        return Deleted(*done.result, done.state.etag)
