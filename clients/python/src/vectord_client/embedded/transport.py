"""The gateway: a transport whose requests the functions of vectord answer in this process, over a folder."""

import time
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from vectord.service.service import Service
from vectord_client.embedded import dispatch, events, opened
from vectord_client.embedded.engine import Engine
from vectord_client.embedded.options import Options
from vectord_client.errors import ClientClosed
from vectord_client.values import Added
from vectord_client.wire import operations
from vectord_client.wire.failures import error_of
from vectord_client.wire.request import Request, Response

BULK_BYTES: Final = 256 << 20


class Gateway:
    """A transport to the engine over one folder. Several threads may use it at once, and so may forked processes."""

    def __init__(self, folder: Path, options: Options) -> None:
        """Open `folder`.

        Raises:
            TargetInvalid: the path cannot be a folder.
        """
        self._folder, self._options = folder.absolute(), options
        self._opened, self._forks = opened.acquire(self._folder, options), opened.forks
        self._closed = False

    @property
    def service(self) -> Service:
        """The use cases of the engine, for calls that do not go through HTTP."""
        return self._engine.service

    @property
    def _engine(self) -> Engine:
        if self._closed:
            raise ClientClosed("The client was closed: open the folder again.")
        if self._forks != opened.forks:
            self._opened, self._forks = opened.acquire(self._folder, self._options), opened.forks
        return self._opened

    def send(self, request: Request, timeout: float) -> Response:
        """Return the response to a request, which may use storage for `timeout` seconds. It is never compressed.

        Raises:
            ClientClosed: the gateway was closed.
        """
        return dispatch.answer_in_process(self._engine, request, timeout)

    @property
    def bulk_bytes(self) -> int:
        """How many bytes of vectors, ids and metadata one call of `bulk_add` should have."""
        return BULK_BYTES

    def bulk_add(
        self,
        name: str,
        ids: Sequence[str],
        vectors: Any,
        metadata: Sequence[bytes | None] | None = None,
        *,
        key: str | None = None,
        if_match: str | None = None,
        timeout: float = 60.0,
    ) -> Added:
        """Add or replace rows in one commit, as `POST /indexes/{name}/vectors` does, without JSON and base64.

        `vectors` is a numpy matrix of float32, or the bytes of one; `metadata` has JSON texts. The columns must not
        change before the call returns. A repeat with the same `key` and rows changes nothing, and has the same answer.

        Raises:
            VectordError: what the API answers; or the client was closed.
            ValueError: the columns have different lengths.
        """
        from vectord_client.embedded import bulk  # noqa: PLC0415  a program that only searches does not need it

        call = operations.add(name, b"", if_match, key)
        event = bulk.event_of(call.request, bulk.batch_of(ids, vectors, metadata))
        response = events.response_of(self._engine.handle("add", event, events.Context(timeout)))
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise error_of(response, time.time())
        return call.read(response)

    def close(self) -> None:
        """Release the folder. The last gateway of a folder finishes the builds that take only a few seconds."""
        if not self._closed:
            self._closed = True
            if self._forks == opened.forks:
                opened.release(self._opened)
