"""Changes of one index that the service queues, and applies later."""

import time
from collections.abc import Iterable
from typing import Any

from vectord_client.change_errors import StillQueued
from vectord_client.change_values import ChangeState
from vectord_client.session import Session
from vectord_client.texts import Texts, check_only_texts
from vectord_client.values import Added, Deleted, Patched
from vectord_client.wire import changes, operations, plans
from vectord_client.wire.call import Call
from vectord_client.wire.encode import Filter


class Change:
    """A queued change of an index."""

    def __init__(self, session: Session, index: str, state: ChangeState) -> None:
        self._session, self._index, self._state = session, index, state

    def __repr__(self) -> str:
        return f"<Change {self._state.token} of {self._index!r}: {self._state.state}>"

    @property
    def index(self) -> str:
        """The name of the index."""
        return self._index

    @property
    def token(self) -> str | None:
        """The token by which `Index.change` finds the change; None if no server queued it."""
        return self._state.token

    @property
    def known(self) -> ChangeState:
        """The state that was seen last. It sends nothing."""
        return self._state

    def state(self) -> ChangeState:
        """Return the state of the change; sends a request, unless the change is known to be applied or to have failed.

        Raises:
            ChangeNotFound: It has expired: the service keeps it for 15 days.
        """
        if self._state.token is not None and not self._state.is_final:
            self._state = self._session.run(changes.state(self._index, self._state.token))
        return self._state

    def wait(self, timeout: float = 60.0) -> Added | Patched | Deleted:
        """Return the result once the change is applied; wait up to `timeout` seconds.

        Raises:
            StillQueued: It is not applied yet.
            Problem: The index refused the change, and nothing was changed. The error is that of the method which is
                not queued.
        """
        for seconds in changes.polls(timeout, time.monotonic):
            if self.state().is_final:
                return self._state.value()
            self._session.sleep(seconds)
        if self.state().is_final:
            return self._state.value()
        raise StillQueued(f"The change {self.token} of {self._index!r} is still queued after {timeout:g} s.")


class Queued:
    """The changes of an index that the service queues: each returns at once, and is one request."""

    def __init__(self, session: Session, index: str, texts: Texts) -> None:
        self._session, self._index, self._texts = session, index, texts

    def add(
        self,
        rows: Any = None,
        *,
        ids: Any = None,
        vectors: Any = None,
        metadata: Any = None,
        sparse: Any = None,
        texts: Iterable[str] | None = None,
        if_match: str | None = None,
        id: str = "id",
        vector: str = "vector",
    ) -> Change:
        """Queue an add of vectors, in the forms of `Index.add`, that fit into one request.

        `texts` in place of `vectors` are embedded before the change is queued.

        Raises:
            ArgumentInvalid: Some rows are not valid, or they need several requests; nothing was sent.
            BatchInvalid: The service refused some rows; nothing is changed.
        """
        if texts is not None:
            check_only_texts(rows, vectors)
            plan = self._texts.queued_add(ids, texts, metadata, if_match, sparse)
            return Change(self._session, self._index, self._session.follow(plan))
        blocks = plans.blocks_of(rows, ids, vectors, metadata, (id, vector), sparse=sparse)
        return self.send(changes.add(self._index, blocks, if_match))

    def patch(
        self,
        metadata: Any,
        *,
        ids: Iterable[str] | None = None,
        filter: Filter | None = None,
        mode: str = "merge",
        if_match: str | None = None,
    ) -> Change:
        """Queue a change of metadata, as `Index.patch` makes it."""
        call = operations.patch(self._index, metadata, ids=ids, filter=filter, mode=mode, if_match=if_match)
        return self.send(changes.queued(call))

    def delete(
        self,
        *,
        ids: Iterable[str] | None = None,
        filter: Filter | None = None,
        all: bool = False,
        if_match: str | None = None,
    ) -> Change:
        """Queue a deletion of vectors, as `Index.delete` makes it."""
        call = operations.delete(self._index, ids=ids, filter=filter, all=all or None, if_match=if_match)
        return self.send(changes.queued(call))

    def remove(self, id: str, *, if_match: str | None = None) -> Change:
        """Queue the deletion of one vector, which must exist."""
        return self.send(changes.remove(self._index, id, if_match))

    def send(self, call: Call[ChangeState]) -> Change:
        """Send a call of `wire.changes` that queues a change."""
        return Change(self._session, self._index, self._session.run(call))
