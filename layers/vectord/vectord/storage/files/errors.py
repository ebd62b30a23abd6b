"""Turn errors of the operating system into store errors that say what to do."""

import errno
from types import TracebackType
from typing import Final

from vectord.errors import FolderRefused, StoreError, StoreUnavailable

_FULL: Final = (
    "The disk of the store's folder is full, or a quota or the largest size of a file is reached; nothing was changed. "
    "Free some space (earlier versions are in its folder .versions) and send the request again."
)
_PERMISSION: Final = (
    "The process may not do this in the store's folder: the folder is read-only, or its permissions do not allow it; "
    "nothing was changed. Correct its owner, mode or mount, or open another folder."
)
_MISSING: Final = (
    "The store's folder was removed, or a file is where it needs a folder; nothing was changed. "
    "Put the folder back, or open the store again to make a new one."
)
_DAMAGED: Final = (
    "The disk of the store's folder reports an input/output error; nothing was changed. "
    "Check the disk and its connection, and copy the folder to another disk."
)
_NO_LOCKS: Final = (
    "The file system of the store's folder has no locks, so that writers could not exclude each other; nothing was "
    "changed. Use a folder on a local disk."
)
_NOT_A_FILE: Final = (
    "Something in the store's folder that has the name of an object is not a file; nothing was changed. "
    "Move it to another place."
)
_REASONS: Final = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), _FULL),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _PERMISSION),
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG), _MISSING),
    errno.EIO: _DAMAGED,
    **dict.fromkeys((errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP), _NO_LOCKS),
    errno.EISDIR: _NOT_A_FILE,
}


# The errors of a link on a file system that has no hard links, or has too many for one file.
CANNOT_LINK: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


def not_a_file() -> FolderRefused:
    return FolderRefused(_NOT_A_FILE)


def store_error(error: OSError) -> StoreError:
    """Return the error for a call that failed before anything was changed; the store may answer later if it is unknown.

    An error that may pass, such as too many open files, is StoreUnavailable.
    """
    reason = _REASONS.get(error.errno or 0)
    return FolderRefused(reason) if reason else StoreUnavailable(_symbol(error))


def unknown_outcome(error: OSError) -> StoreUnavailable:
    """Return the error for a call that failed after the change may have been visible."""
    return StoreUnavailable(_symbol(error))


def _symbol(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, type(error).__name__)


class Translated:
    """A context that turns an OSError into a store error. Nothing may have been changed when it is raised."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, OSError):
            raise store_error(error) from error


class Publishing(Translated):
    """The same for the one call that makes a change visible: after an input/output error it may be visible."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, OSError) and error.errno == errno.EIO:
            raise unknown_outcome(error) from error
        super().__exit__(kind, error, at)


# One instance of each is enough, because they have no state.
TRANSLATED: Final = Translated()
PUBLISHING: Final = Publishing()
