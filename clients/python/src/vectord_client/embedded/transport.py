"""The gateway: a transport whose requests the functions of vectord answer in this process, over a folder."""

from pathlib import Path

from vectord.service.service import Service
from vectord_client.embedded import dispatch, opened
from vectord_client.embedded.options import Options
from vectord_client.errors import ClientClosed
from vectord_client.wire.request import Request, Response


class Gateway:
    """A transport to the engine over one folder. Several threads may use it at once."""

    def __init__(self, folder: Path, options: Options) -> None:
        """Open `folder`.

        Raises:
            TargetInvalid: the path cannot be a folder.
        """
        self._engine = opened.acquire(folder, options)
        self._closed = False

    @property
    def service(self) -> Service:
        """The use cases of the engine, for calls that do not go through HTTP."""
        return self._engine.service

    def send(self, request: Request, timeout: float) -> Response:
        """Return the response to a request, which may use storage for `timeout` seconds. It is never compressed.

        Raises:
            ClientClosed: the gateway was closed.
        """
        if self._closed:
            raise ClientClosed("The client was closed: open the folder again.")
        return dispatch.answer_in_process(self._engine, request, timeout)

    def close(self) -> None:
        """Release the folder. The last gateway of a folder finishes the builds that take only a few seconds."""
        if not self._closed:
            self._closed = True
            opened.release(self._engine)
