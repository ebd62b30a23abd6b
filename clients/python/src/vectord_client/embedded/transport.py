"""The gateway: a transport whose requests the functions of vectord answer in this process, over a folder."""

from pathlib import Path
from typing import Final

from vectord.service.service import Service
from vectord_client.embedded import dispatch, events, opened
from vectord_client.embedded.engine import Engine
from vectord_client.embedded.requirements import Options
from vectord_client.errors import ClientClosed
from vectord_client.wire.request import Request, Response


class Gateway:
    """A transport to the engine over one folder. Several threads may use it at once, and so may forked processes."""

    takes_rows: Final = True  # of requests, in place of a body

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
        if request.rows is not None:
            return self._add(request, timeout)
        return dispatch.answer_in_process(self._engine, request, timeout)

    def _add(self, request: Request, timeout: float) -> Response:
        from vectord_client.embedded import bulk  # noqa: PLC0415  a program that only searches does not need it

        engine = self._engine
        with bulk.early_write(engine, request, timeout) as crc32:
            event = bulk.event_of(request, crc32)
            return events.response_of(engine.handle("add", event, events.Context(timeout)))

    def close(self) -> None:
        """Release the folder. The last gateway of a folder finishes the builds that take only a few seconds."""
        if not self._closed:
            self._closed = True
            if self._forks == opened.forks:
                opened.release(self._opened)
