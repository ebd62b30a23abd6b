"""The folders that this process has open: one engine for each, however many clients use it."""

import atexit
import os
import sys
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final

from vectord.errors import FolderRefused
from vectord.storage.files.store import FileStore, MakeLink
from vectord_client.embedded.engine import Engine
from vectord_client.embedded.requirements import Options
from vectord_client.errors import TargetInvalid


class _Opened:
    """An engine, and the number of gateways that use it."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.users = engine, 0


_lock = Lock()
_opened: Final[dict[Path, _Opened]] = {}
forks = 0  # between the first process and this one: a gateway of an earlier process opens its folder again


def acquire(folder: Path, options: Options) -> Engine:
    """Return the engine over `folder`; the first call for a folder creates it, with its options.

    Raises:
        TargetInvalid: the path cannot be a folder.
    """
    path = Path(os.path.realpath(folder))  # `resolve` fails for links that lead to each other
    with _lock:
        opened = _opened.get(path)
        if opened is None:
            engine = Engine(path, open_store(path), options, _upload_path)
            opened = _opened[path] = _Opened(engine)
            engine.start()
        opened.users += 1
        return opened.engine


def release(engine: Engine) -> None:
    """Give back an engine that `acquire` returned; the last call for a folder closes it."""
    with _lock:
        [(path, opened)] = [(path, one) for path, one in _opened.items() if one.engine is engine]
        opened.users -= 1
        if opened.users:
            return
        del _opened[path]
    engine.close()


def open_store(folder: Path, make_link: MakeLink | None = None) -> FileStore:
    """Return the store in `folder`, which is created if necessary.

    Raises:
        TargetInvalid: a file is in its place, or it cannot be created.
    """
    if (file := _file_at(folder)) is not None:
        raise TargetInvalid(
            f"{file} is a file, and a target is a folder. Rows of a file are loaded into an index of a folder.",
            advice=f"Write Client('./data').index('films').load({file.name!r}).",
        )
    try:
        return FileStore(folder, make_link=make_link)
    except FolderRefused as error:
        raise TargetInvalid(f"{folder} cannot be opened: {error}") from error


def _file_at(folder: Path) -> Path | None:
    """Return the file that is in the place of a folder or of one above it, or None."""
    with suppress(PermissionError):  # the store says what the process may not do
        return next((path for path in (folder, *folder.parents) if path.is_file()), None)
    return None


def _upload_path(key: str, size: int, seconds: int) -> str:
    """Return the path of an upload, without a host: it goes through the gateway, like all requests."""
    return f"/{key}"


def _close_all() -> None:
    """Close what is open; do not wait if the process ends by Ctrl-C or an error."""
    failed = getattr(sys, "last_value", None) is not None
    try:
        for opened in list(_opened.values()):
            opened.engine.close(0.0 if failed else None)
    except KeyboardInterrupt:  # the builds are abandoned
        pass


def _forget_all() -> None:
    """Start without engines in a forked process: it has none of their threads, and their locks may be taken."""
    global _lock, forks  # noqa: PLW0603 - the parent may have forked while a thread had the lock
    _lock = Lock()
    _opened.clear()
    forks += 1


atexit.register(_close_all)
os.register_at_fork(after_in_child=_forget_all)
