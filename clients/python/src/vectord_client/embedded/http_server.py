"""A server of HTTP on this machine: waitress, with an orderly and quick end. It imports no part of the engine."""

import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterable
from time import monotonic
from types import FrameType
from typing import Any, Final

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server

from vectord_client.errors import AddressUnusable

_WAKE_SECONDS: Final = 1.0  # between two looks of an idle server at its connections
_DRAIN_SECONDS: Final = 0.05  # the same, while it ends


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any free one.

    Raises:
        AddressUnusable: the address is not one of this machine, or another program has it.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=1_024)
    except OverflowError as error:
        raise AddressUnusable(f"{port} is not a port: use 1 to 65535, or 0 for any free one.") from error
    except socket.gaierror as error:
        raise AddressUnusable(f"{host} is not an address of this machine: {error.strerror}.") from error
    except OSError as error:
        raise AddressUnusable(
            f"The server cannot listen on {host}:{port}: {error.strerror}. Choose another port with --port; 0 is any "
            "free one."
        ) from error


class HttpServer:
    """Answers requests to a socket with a WSGI application, in threads. `run` reads and writes the connections."""

    def __init__(
        self,
        application: Callable[..., Iterable[bytes]],
        listening: socket.socket,
        *,
        channel: type[HTTPChannel] = HTTPChannel,
        threads: int = 8,
        **settings: int,
    ) -> None:
        """Pass `settings` to waitress: https://docs.pylonsproject.org/projects/waitress/en/stable/arguments.html."""
        # Requests may wait for a thread, and some are unanswered at the end: neither is a reason for a warning.
        for name in ("waitress", "waitress.queue"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self._channels: dict[int, Any] = {}
        self._server: BaseWSGIServer = create_server(
            application,
            map=self._channels,
            sockets=[listening],
            threads=threads,
            asyncore_use_poll=True,
            ident="vectord",
            clear_untrusted_proxy_headers=True,
            **settings,
        )
        self._server.channel_class = channel
        self._is_stopped = self._is_closed = False
        self._running = threading.Lock()

    def run(self) -> None:
        """Answer requests until Ctrl-C, SIGTERM or `stop`."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _exit)
        try:
            with self._running:
                while not self._is_stopped:
                    self._pass_on(_WAKE_SECONDS)
        except (KeyboardInterrupt, SystemExit):
            pass

    def stop(self) -> None:
        """Let `run` return, in another thread."""
        self._is_stopped = True
        if not self._is_closed:
            self._server.pull_trigger()

    def close(self, seconds: float) -> None:
        """Stop listening, send the answers that are ready within `seconds`, and close all connections."""
        self.stop()
        with self._running:
            if self._is_closed:
                return
            end = monotonic() + seconds
            self._server.accepting = False
            self._server.task_dispatcher.set_thread_count(0)
            while self._is_answering() and monotonic() < end:
                self._pass_on(_DRAIN_SECONDS)
            for connection in list(self._server.active_channels.values()):
                connection.handle_close()
            self._server.close()
            self._is_closed = True

    def _is_answering(self) -> bool:
        connections = self._server.active_channels.values()
        return bool(self._server.task_dispatcher.threads) or any(one.total_outbufs_len for one in connections)

    def _pass_on(self, seconds: float) -> None:
        """Read and write what the connections are ready for; wait for that at most `seconds`."""
        wasyncore.loop(timeout=seconds, map=self._channels, use_poll=True, count=1)


def _exit(_number: int, _frame: FrameType | None) -> None:
    """End as after Ctrl-C."""
    raise SystemExit(0)
