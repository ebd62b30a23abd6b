"""Changes of the vectors of an index."""

from collections.abc import Container, Sequence
from functools import partial

from vectord.readers.entry import Entry
from vectord.service import validation
from vectord.service.commit.idempotency import IdempotencyKey
from vectord.service.dispatch import unconditional
from vectord.service.results import Added, Deleted, Patched
from vectord.service.selection import Patch, Selection, tree_of
from vectord.service.write_dispatch import Writer


class Changes(Writer):
    """Each is one commit, or one for each shard that it touches.

    `expected` holds the ETags that the caller allows as the state before. What has a `key` is done once: a repeat
    changes nothing, and answers what the first one did with the present ETag.

    Each may also raise:
        PreconditionFailed: the index is at another ETag.
        IdempotencyKeyReused: the key came with another request.
    """

    def add(
        self,
        name: str,
        entries: Sequence[Entry],
        until: float,
        expected: Container[str] | None = None,
        key: IdempotencyKey | None = None,
    ) -> Added:
        """Add or replace a batch.

        Raises:
            BatchInvalid: some entries are bad; nothing was changed.
        """
        items_for = partial(validation.checked, entries)
        return self._core.either(
            name,
            until,
            lambda: self._writing.plain.add(name, items_for, until, expected, key),
            lambda parent: self._writing.shards.add(unconditional(parent, expected), items_for(parent), until, key),
        )

    def delete_vectors(
        self,
        name: str,
        ids: Sequence[str],
        until: float,
        expected: Container[str] | None = None,
        key: IdempotencyKey | None = None,
    ) -> Deleted:
        """Delete the vectors of `ids`; ids that are not there count for nothing."""
        return self._core.either(
            name,
            until,
            lambda: self._writing.plain.remove(name, Selection(list(ids)), until, expected, key),
            lambda parent: self._writing.shards.remove(unconditional(parent, expected), ids, until, key),
        )

    def delete_matching(
        self,
        name: str,
        filter_text: str,
        until: float,
        expected: Container[str] | None = None,
        key: IdempotencyKey | None = None,
    ) -> Deleted:
        """Delete the vectors that satisfy a filter, JSON text.

        Raises:
            FilterInvalid: it is none.
        """
        tree_of(filter_text)
        which, writing = Selection(filter=filter_text), self._writing
        return self._core.either(
            name,
            until,
            lambda: writing.plain.remove(name, which, until, expected, key),
            lambda parent: writing.shards.remove_matching(unconditional(parent, expected), filter_text, until, key),
        )

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
        """Change the metadata of the vectors that are selected, and nothing else of them.

        Raises:
            VectorsNotFound: some of the ids are not there; nothing was changed.
            FilterInvalid: the filter is none.
        """
        tree_of(which.filter)
        return self._core.either(
            name,
            until,
            lambda: self._writing.plain.patch(name, which, patch, until, expected=expected, key=key),
            lambda parent: self._writing.shards.patch(unconditional(parent, expected), which, patch, until, key),
        )
