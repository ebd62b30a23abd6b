"""Queued changes: writes that were accepted, and that a function applies later; each is one object.

The object is `.changes/<index>/<token>`. Its first line has the state, the rest is the request, or what became of it:

| state     | the rest of the object                                                    |
|-----------|---------------------------------------------------------------------------|
| `queued`  | the request, until a worker has applied or refused it                     |
| `applied` | the answer that the synchronous write would have had                      |
| `failed`  | the problem; nothing was changed                                          |

The token is a hash of the index, its identity and the idempotency key, and every queued change has a key. So a repeat
of a request has the token of the first, unless the index was created again meanwhile; and whatever applies a change
twice is stopped by its key (commit/idempotency.py).
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from typing import Final, Literal, cast

import msgspec

from vectord.errors import (
    ChangeNotFound,
    ConditionFailed,
    IdempotencyKeyReused,
    ObjectChanged,
    ObjectNotFound,
    OutcomeUnknown,
    StorageSilent,
    StoreError,
)
from vectord.lhv1 import params
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline, IdempotencyKey
from vectord.storage.base import IfAbsent, IfMatch, ObjectHead, Store, StoredObject
from vectord.storage.limits import CHANGES

_TOKEN_BYTES: Final = 16
_READ_FIRST: Final = 4_096  # bytes: the state, and most answers as a whole

State = Literal["queued", "applied", "failed"]


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The message in the queue that announces a change."""

    index: str
    token: str


class QueuedChange(msgspec.Struct, frozen=True):
    """What is stored of a change; `request` is the hash of its request, and `etag` that of its object."""

    state: State
    request: str
    rest: bytes
    etag: str


class _Line(msgspec.Struct, frozen=True):
    state: State
    request: str


def token_of(index: str, identity: str, key: IdempotencyKey) -> str:
    """Return the token of the change of an index with an idempotency key: 32 hexadecimal digits.

    `identity` is that of the index (`mutations.identity_of`).
    """
    return blake2b(f"{index}\n{identity}\n{key.text}".encode(), digest_size=_TOKEN_BYTES).hexdigest()


class QueuedChanges:
    """The queued changes of the indexes in one store; `send` sends a message to the queue."""

    def __init__(
        self,
        store: Store,
        environment: Environment,
        retry_policy: RetryPolicy,
        send: Callable[[bytes], None] | None = None,
    ) -> None:
        self._store, self._environment, self._retry_policy, self._send = store, environment, retry_policy, send

    def accept(self, message: Message, key: IdempotencyKey, request: bytes, deadline: Deadline) -> None:
        """Store a valid request, and send its message; both are done when this returns.

        A request with a key that was accepted before is sent again, unless it is applied already.

        Raises:
            IdempotencyKeyReused: the key was used for another request.
            StorageSilent, StoreRefused: nothing will be changed.
            OutcomeUnknown: the queue did not answer; the change may still be applied.
        """
        written = self._run(deadline, partial(self._write, message, key, request))
        if written is None or self._send is None:
            return
        try:
            self._run(deadline, partial(self._send, msgspec.json.encode(message)))
        except (StorageSilent, StoreError) as error:
            with suppress(StoreError):
                self._store.delete(_object(message.index, message.token), IfMatch(written))
            if isinstance(error, StorageSilent):
                raise OutcomeUnknown(message.index) from error
            raise

    def _write(self, message: Message, key: IdempotencyKey, request: bytes) -> str | None:
        """Store a request, and return the ETag of its object; None if the change is applied already.

        Raises:
            ObjectChanged: another request with the same key was faster; look again.
        """
        name, data = _object(message.index, message.token), _encoded("queued", key.request, request)
        with suppress(ConditionFailed):
            return self._store.put(name, data, IfAbsent(), message.token)
        try:
            found = self._load(name)
            if found.request != key.request:
                raise IdempotencyKeyReused(message.index)
            if found.state == "failed":  # a change that failed changed nothing, so a repeat is a new attempt
                return self._store.put(name, data, IfMatch(found.etag), message.token)
        except (ConditionFailed, ObjectNotFound) as error:
            raise ObjectChanged(name) from error
        return None if found.state == "applied" else found.etag

    def accepted(self, message: Message, key: IdempotencyKey, deadline: Deadline) -> bool:
        """Return True if this very request was accepted before, and has not failed."""
        try:
            found = self.find(message.index, message.token, deadline)
        except ChangeNotFound:
            return False
        return found.request == key.request and found.state != "failed"

    def find(self, index: str, token: str, deadline: Deadline) -> QueuedChange:
        """Return a change; if it is queued, the request is incomplete.

        Raises:
            ChangeNotFound, StorageSilent, StoreRefused
        """
        return self._run(deadline, partial(self._checked, index, token, self._peek))

    def load(self, index: str, token: str, deadline: Deadline) -> QueuedChange:
        """Return a change with all of its request; raise what `find` raises."""
        return self._run(deadline, partial(self._checked, index, token, self._load))

    def finish(self, message: Message, change: QueuedChange, state: State, rest: bytes, deadline: Deadline) -> None:
        """Record what became of a change; the first record stays.

        Raises:
            StorageSilent, StoreRefused: it is not recorded.
        """
        name, data = _object(message.index, message.token), _encoded(state, change.request, rest)

        def write() -> None:
            with suppress(ConditionFailed, ObjectNotFound):  # another delivery recorded it, or this request did before
                self._store.put(name, data, IfMatch(change.etag), message.token)

        self._run(deadline, write)

    def _checked(self, index: str, token: str, read: Callable[[str], QueuedChange]) -> QueuedChange:
        if not params.is_index_name(index) or not is_token(token):
            raise ChangeNotFound(index, token)
        try:
            return read(_object(index, token))
        except ObjectNotFound as error:
            raise ChangeNotFound(index, token) from error

    def _peek(self, name: str) -> QueuedChange:
        head = cast(ObjectHead, self._store.head(name, _READ_FIRST))  # NotModified needs an ETag
        change = _decoded(bytes(head.data), head.etag)
        return change if change.state == "queued" or head.size <= _READ_FIRST else self._load(name)

    def _load(self, name: str) -> QueuedChange:
        found = cast(StoredObject, self._store.get(name))  # NotModified needs an ETag
        return _decoded(bytes(found.data), found.etag)

    def _run[R](self, deadline: Deadline, act: Callable[[], R]) -> R:
        return self._retry_policy.run(self._environment, deadline, act)


def is_token(text: str) -> bool:
    """Return True if a text has the form of a token."""
    return len(text) == 2 * _TOKEN_BYTES and all(character in "0123456789abcdef" for character in text)


def _object(index: str, token: str) -> str:
    return f"{CHANGES}{index}/{token}"


def _encoded(state: State, request: str, rest: bytes) -> bytes:
    return msgspec.json.encode(_Line(state, request)) + b"\n" + rest


def _decoded(data: bytes, etag: str) -> QueuedChange:
    line, _, rest = data.partition(b"\n")
    head = msgspec.json.decode(line, type=_Line)
    return QueuedChange(head.state, head.request, rest, etag)
