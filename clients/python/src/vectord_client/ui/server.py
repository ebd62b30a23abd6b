"""The server of `vectord ui`, on an address that only this machine reaches."""

from types import TracebackType
from typing import Final

from vectord_client.client import Client
from vectord_client.errors import MissingExtra

try:
    import numpy  # noqa: F401  modules below need it, and would name another extra

    from vectord_client.embedded.http_server import HttpServer, listen
    from vectord_client.ui.application import Application
    from vectord_client.ui.calls import Options
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] not in {"waitress", "numpy"}:
        raise
    raise MissingExtra(
        "`vectord ui` needs the packages waitress and numpy. Install them: pip install 'vectord-client[ui]'"
    ) from error

_HOST: Final = "127.0.0.1"
_CLOSE_SECONDS: Final = 0.5  # for requests that are being answered; all of them only read
_BODY_BYTES: Final = 8 << 20  # a request of the API has at most 6 MB


class Server:
    """A server that listens; a context manager, which closes it. The client stays open."""

    def __init__(self, client: Client, port: int = 0, *, options: Options | None = None) -> None:
        """Listen on `port`, 0 for any free one.

        Raises:
            AddressUnusable: another program has the port.
        """
        self._socket = listen(_HOST, port)
        self._application = Application(client, self._socket.getsockname()[1], options or Options())
        self._http = HttpServer(self._application, self._socket, max_request_body_size=_BODY_BYTES)

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The address of the page, with its token."""
        return self._application.url

    @property
    def url_for_one_visit(self) -> str:
        """An address that leads to the page once: other users of a machine see the arguments of a browser."""
        return self._application.url_for_one_visit

    def run(self) -> None:
        """Answer requests until Ctrl-C, SIGTERM or `stop`."""
        self._http.run()

    def stop(self) -> None:
        """Let `run` return, in another thread."""
        self._http.stop()

    def close(self) -> None:
        """Stop listening, and finish the requests that are answered soon."""
        self._http.close(_CLOSE_SECONDS)
