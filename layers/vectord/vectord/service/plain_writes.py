"""The changes of one blob: an index, or one shard of one."""

from collections.abc import Callable, Container, Sequence

from vectord import index as ix
from vectord.errors import VectorsNotFound
from vectord.index import Index, Item
from vectord.index.patch import absent
from vectord.index.patch import patch as patched
from vectord.params import Params
from vectord.service.commits import Change, Commits
from vectord.service.lifecycle import Lifecycle
from vectord.service.once import Effect, Key, is_repeat, once
from vectord.service.plain import described, one_blob
from vectord.service.results import Added, Deleted, Described, Patched
from vectord.service.selection import Patch, Selection, selected


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
        key: Key | None = None,
    ) -> Added:
        """Add or replace in one commit the items that `items_for` makes of a batch for an index of these parameters."""

        def upsert(index: Index) -> tuple[Index, Effect]:
            changed, added, replaced = ix.upsert(index, items_for(one_blob(index).params))
            return changed, (added, replaced, len(changed))

        (added, replaced, count), etag = self._change(name, upsert, until, numbers=3, expected=expected, key=key)
        return Added(added, replaced, count, etag)

    def remove(
        self,
        name: str,
        which: Selection,
        until: float,
        expected: Container[str] | None = None,
        key: Key | None = None,
    ) -> Deleted:
        def remove(index: Index) -> tuple[Index, Effect]:
            changed, deleted = ix.remove(index, selected(one_blob(index), which))
            return changed, (deleted, len(changed))

        (deleted, count), etag = self._change(name, remove, until, numbers=2, expected=expected, key=key)
        return Deleted(deleted, count, etag)

    def patch(
        self,
        name: str,
        which: Selection,
        patch: Patch,
        until: float,
        *,
        expected: Container[str] | None = None,
        key: Key | None = None,
    ) -> Patched:
        """Change the metadata of what is selected.

        Raises:
            VectorsNotFound: some of the ids are not there; nothing was changed.
        """

        def change(index: Index) -> tuple[Index, Effect]:
            row_of = selected(one_blob(index), which)
            if missing := absent(row_of, which.ids or ()):
                raise VectorsNotFound(name, missing)
            return patched(index, row_of, patch.metadata, patch.mode), (len(row_of), len(index))

        (done, count), etag = self._change(name, change, until, numbers=2, expected=expected, key=key)
        return Patched(done, count, etag)

    def _change(
        self,
        name: str,
        change: Change[Effect],
        until: float,
        *,
        numbers: int,
        expected: Container[str] | None,
        key: Key | None,
    ) -> tuple[Effect, str]:
        """Commit a change that is answered by so many numbers, and return them and the ETag of the state."""
        keyed = once(name, key, numbers, change)
        done = self._commits.change(name, keyed, until, expected, repeats=is_repeat(name, key))
        return done.result, done.state.etag
