"""The HTTP server of `vectord ui`: waitress, on an address that only this machine reaches."""

import logging
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Final

from vectord_client.client import Client
from vectord_client.embedded.address import listen
from vectord_client.errors import MissingExtra
from vectord_client.ui.options import Options

try:
    import numpy  # noqa: F401  modules below need it, and would name another extra
    from waitress.server import BaseWSGIServer, create_server
    from waitress.task import ThreadedTaskDispatcher

    from vectord_client.ui.application import Application
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] not in {"waitress", "numpy"}:
        raise
    raise MissingExtra(
        "`vectord ui` needs the packages waitress and numpy. Install them: pip install 'vectord-client[ui]'"
    ) from error

_HOST: Final = "127.0.0.1"
_THREADS: Final = 8
_CLOSE_SECONDS: Final = 0.5  # for requests that are being answered; all of them only read
_BODY_BYTES: Final = 8 << 20  # a request of the API has at most 6 MB


class _Threads(ThreadedTaskDispatcher):  # type: ignore[misc]
    """The threads that answer; a service that is slow does not delay the end of the process."""

    def shutdown(self, cancel_pending: bool = True, timeout: float = _CLOSE_SECONDS) -> bool:
        """Wait up to `timeout` seconds for what is being answered; return True if requests were waiting."""
        return bool(super().shutdown(cancel_pending, timeout))


class Server:
    """A server that listens; a context manager, which closes it. The client stays open."""

    def __init__(self, client: Client, port: int = 0, *, options: Options | None = None) -> None:
        """Listen on `port`, 0 for any free one.

        Raises:
            AddressUnusable: another program has the port.
        """
        self._socket = listen(_HOST, port)
        self._application = Application(client, self._socket.getsockname()[1], options or Options())
        self._channels: dict[int, Any] = {}
        # Requests wait for a thread, and some are unanswered at the end, which are no reasons for warnings.
        for name in ("waitress", "waitress.queue"):
            logging.getLogger(name).setLevel(logging.ERROR)
        threads = _Threads()
        threads.set_thread_count(_THREADS)
        self._http: BaseWSGIServer = create_server(
            self._application,
            map=self._channels,
            sockets=[self._socket],
            _dispatcher=threads,
            asyncore_use_poll=True,
            max_request_body_size=_BODY_BYTES,
            ident="vectord",
            clear_untrusted_proxy_headers=True,
        )

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
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _exit)
        self._http.run()

    def stop(self) -> None:
        """Let `run` return, in another thread."""
        self._http.trigger.pull_trigger(self._channels.clear)  # its loop ends when it has none

    def close(self) -> None:
        """Stop listening, and finish the requests that are answered soon."""
        self._http.task_dispatcher.shutdown()
        for connection in list(self._http.active_channels.values()):
            connection.handle_close()
        self._http.close()


def _exit(_number: int, _frame: FrameType | None) -> None:
    """End as after Ctrl-C."""
    raise SystemExit(0)
