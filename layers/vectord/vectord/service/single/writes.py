"""The changes of one blob: an index, or one shard of one."""

from collections.abc import Callable, Container, Sequence

from vectord.errors import VectorsNotFound
from vectord.index import mutations, state
from vectord.index.rows import Item
from vectord.index.state import Index
from vectord.lhv1.params import Params
from vectord.service.commit.create_delete import Lifecycle
from vectord.service.commit.idempotency import Effect, IdempotencyKey, idempotent, is_repeat
from vectord.service.commit.loop import Change, CommitLoop
from vectord.service.results import Added, Deleted, Description, Patched
from vectord.service.selection import Patch, Selection, selected
from vectord.service.single.reads import described, one_blob


class SingleWrites:
    """Each use case may raise IsSharded, and what `CommitLoop` or `Lifecycle` do for the blob it names."""

    def __init__(self, commits: CommitLoop, lifecycle: Lifecycle) -> None:
        self._commits, self._lifecycle = commits, lifecycle

    def create(self, new: Params, until: float) -> Description:
        return described(self._lifecycle.create(state.empty_index(new), until))

    def delete(self, name: str, until: float, expected: Container[str] | None = None) -> None:
        """Delete the blob, whatever it is."""
        self._lifecycle.delete(name, until, expected)

    def add(
        self,
        name: str,
        items_for: Callable[[Params], Sequence[Item]],
        until: float,
        expected: Container[str] | None = None,
        key: IdempotencyKey | None = None,
    ) -> Added:
        """Add or replace in one commit the items that `items_for` makes of a batch for an index of these parameters."""

        def upsert(index: Index) -> tuple[Index, Effect]:
            changed, added, replaced = mutations.upsert(index, items_for(one_blob(index).params))
            return changed, (added, replaced, len(changed))

        (added, replaced, count), etag = self._change(name, upsert, until, numbers=3, expected=expected, key=key)
        return Added(added, replaced, count, etag)

    def remove(
        self,
        name: str,
        which: Selection,
        until: float,
        expected: Container[str] | None = None,
        key: IdempotencyKey | None = None,
    ) -> Deleted:
        def remove(index: Index) -> tuple[Index, Effect]:
            changed, deleted = mutations.remove(index, selected(one_blob(index), which))
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
        key: IdempotencyKey | None = None,
    ) -> Patched:
        """Change the metadata of what is selected.

        Raises:
            VectorsNotFound: some of the ids are not there; nothing was changed.
        """

        def change(index: Index) -> tuple[Index, Effect]:
            row_of = selected(one_blob(index), which)
            if missing := [vector_id for vector_id in dict.fromkeys(which.ids or ()) if vector_id not in row_of]:
                raise VectorsNotFound(name, missing)
            return mutations.patch(index, row_of, patch.metadata, patch.mode), (len(row_of), len(index))

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
        key: IdempotencyKey | None,
    ) -> tuple[Effect, str]:
        """Commit a change that is answered by so many numbers, and return them and the ETag of the state."""
        keyed = idempotent(name, key, numbers, change)
        done = self._commits.change(name, keyed, until, expected, repeats=is_repeat(name, key))
        return done.result, done.state.etag
