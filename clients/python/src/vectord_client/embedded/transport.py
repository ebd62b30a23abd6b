"""The gateway: a transport whose requests the functions of vectord answer in this process, over a folder."""

import os
from pathlib import Path
from threading import Lock
from typing import Final

from vectord.service.service import Service
from vectord.storage.memory import MemoryStore
from vectord_client.embedded import events, routes
from vectord_client.embedded.engine import Engine
from vectord_client.embedded.options import Options
from vectord_client.wire.request import Request, Response


class Gateway:
    """A transport to the engine over one folder. Several threads may use it at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._closed = engine, False

    @property
    def service(self) -> Service:
        """The use cases of the engine, for calls that do not go through HTTP."""
        return self._engine.service

    def send(self, request: Request, timeout: float) -> Response:
        """Return the response to a request, which may use storage for `timeout` seconds."""
        matched = routes.match(request.method, request.path)
        answer = self._engine.handle(matched.function, events.event_of(request, matched), events.Context(timeout))
        return events.response_of(answer)

    def close(self) -> None:
        """Release the folder. The last gateway of a folder finishes the builds that take only a few seconds."""
        with _OPENING:
            closed, self._closed = self._closed, True
            if closed or not _release(self._engine):
                return
        self._engine.close()


class _Opened:
    """An engine, and the number of gateways that use it."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.users = engine, 0


_OPENING: Final = Lock()
_OPENED: Final[dict[Path, _Opened]] = {}


def open_folder(folder: Path, options: Options) -> Gateway:
    """Return a gateway to `folder`; the first one creates the engine, with its options."""
    path = folder.resolve()
    with _OPENING:
        opened = _OPENED.get(path)
        if opened is None:
            path.mkdir(exist_ok=True)
            opened = _OPENED[path] = _Opened(Engine(path, MemoryStore(), options))
        opened.users += 1
        return Gateway(opened.engine)


def _release(engine: Engine) -> bool:
    """Count one gateway less; return True if it was the last one of the engine."""
    for path, opened in list(_OPENED.items()):
        if opened.engine is engine:
            opened.users -= 1
            if not opened.users:
                del _OPENED[path]
                return True
    return False


def _forget_all() -> None:
    """Start without engines in a forked process: their threads did not come along, and their locks may be taken."""
    _OPENED.clear()


os.register_at_fork(after_in_child=_forget_all)
