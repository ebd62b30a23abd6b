"""The server behind `vectord serve`: the HTTP API over a folder."""

import ipaddress
from contextlib import suppress
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Final

from waitress.channel import HTTPChannel
from waitress.task import WSGITask

from vectord_client.embedded.application import Application
from vectord_client.embedded.engine import Engine
from vectord_client.embedded.http_server import HttpServer, listen
from vectord_client.embedded.links import DOWNLOADS, Links
from vectord_client.embedded.opened import open_store
from vectord_client.embedded.requirements import Options
from vectord_client.embedded.uploads import MEMORY_SHARE
from vectord_client.errors import AddressUnusable

_CONNECTIONS: Final = 1_000
_HEADER_BYTES: Final = 32 << 10  # of the request line and the headers
_MEMORY_BODY: Final = 12 << 20  # bytes of a request body in memory; a larger one, of an upload, is in a temporary file
_LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})
# For requests that are being answered, then for uploads and builds, which the next start resumes.
_CLOSE_SECONDS: Final = 2.0
_TLS: Final = b"\x16"  # the first byte of a handshake (RFC 8446, section 5.1)
_NOT_HTTP: Final = b"TLS\r\n\r\n"  # a whole request whose first line is not valid
_LISTED: Final = 1_000  # indexes that the greeting counts

_GREETING: Final = """\
vectord serves {folder} ({indexes}) at {url}

  export VECTORD_URL={url}
  vectord ls
  curl {url}/indexes

{reach} Ctrl-C ends it."""
_LOCAL: Final = "Only programs of this machine reach it, without credentials."
_OPEN: Final = "EVERYONE ON THE NETWORK WHO REACHES THIS ADDRESS MAY READ AND DELETE EVERYTHING."


class _Task(WSGITask):  # type: ignore[misc]
    """Answers a request, and keeps the connection after a status that has no body: waitress would close it."""

    def set_close_on_finish(self) -> None:
        """Close the connection after the answer, if the client wants that or the answer is not complete."""
        is_asked = self.version == "1.0" or self.request.headers.get("CONNECTION", "").lower() == "close"
        if self.has_body or is_asked:
            super().set_close_on_finish()


class _Channel(HTTPChannel):  # type: ignore[misc]
    task_class = _Task

    def received(self, data: bytes) -> bool:
        """Answer the handshake of TLS with 400 at once: a client with an https:// URL would wait for its end."""
        is_handshake = self.request is None and data.startswith(_TLS)
        return bool(super().received(_NOT_HTTP if is_handshake else data))


class Server:
    """A server that listens; a context manager, which closes it."""

    def __init__(self, folder: Path, host: str, port: int, *, open_to_network: bool, options: Options) -> None:
        """Open `folder` and listen. A connection is accepted at once, and answered by `run`.

        Raises:
            TargetInvalid: the path cannot be a folder.
            AddressUnusable: as `serve`.
        """
        self._is_local = _is_local(host)
        if not self._is_local and not open_to_network:
            raise AddressUnusable(
                f"Other machines can reach {host}, and the server asks for no credentials: everyone who reaches it may "
                "read and delete everything. Listen on 127.0.0.1, or allow it with --open-to-network."
            )
        self._folder = folder.resolve()
        self._links = Links()
        store = open_store(self._folder, self._download)
        # Before the folder is opened, so that another program cannot get the address meanwhile.
        self._socket = listen(host, port)
        self.url = f"http://{_in_url(host)}:{self._socket.getsockname()[1]}"
        self._engine = Engine(self._folder, store, options, self._upload)
        hosts = _LOCAL_HOSTS | {host.lower()} if self._is_local else None
        application = Application(self._engine, self._links, hosts)
        self._http = HttpServer(
            application,
            self._socket,
            channel=_Channel,
            connection_limit=_CONNECTIONS,
            max_request_header_size=_HEADER_BYTES,
            max_request_body_size=options.memory_bytes // MEMORY_SHARE + 1,
            inbuf_overflow=_MEMORY_BODY,
            outbuf_overflow=_MEMORY_BODY,
        )

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def greeting(self) -> str:
        """The lines for people: the URL, the folder, and what to do next."""
        count = len(self._engine.store.list("", _LISTED, None).objects)
        indexes = f"{count:,}{'+' if count == _LISTED else ''} {'index' if count == 1 else 'indexes'}"
        reach = _LOCAL if self._is_local else _OPEN
        return _GREETING.format(folder=self._folder, indexes=indexes, url=self.url, reach=reach)

    def wait(self, seconds: float) -> bool:
        """Wait until all uploaded files are ingested; return False if that takes longer than `seconds`."""
        return self._engine.uploads.wait(seconds)

    def run(self) -> None:
        """Answer requests until Ctrl-C, SIGTERM or `stop`."""
        self._engine.start()
        self._engine.uploads.resume()
        self._http.run()

    def stop(self) -> None:
        """Let `run` return, in another thread."""
        self._http.stop()

    def close(self) -> None:
        """Stop listening, finish the requests that are being answered, and release the folder, within two seconds."""
        end = monotonic() + _CLOSE_SECONDS
        try:
            self._http.close(_CLOSE_SECONDS)
        except KeyboardInterrupt:  # the second one: do not wait
            end = monotonic()
        with suppress(KeyboardInterrupt):
            self._engine.close(max(0.0, end - monotonic()))

    def _download(self, name: str, seconds: int, filename: str, version: str | None) -> str:
        fields = {"name": name} if version is None else {"name": name, "version": version}
        return self._links.sign(self.url, "GET", f"{DOWNLOADS}{filename}", seconds, **fields)

    def _upload(self, key: str, size: int, seconds: int) -> str:
        return self._links.sign(self.url, "PUT", f"/{key}", seconds, bytes=str(size))


def _is_local(host: str) -> bool:
    """Return True if only this machine reaches an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
