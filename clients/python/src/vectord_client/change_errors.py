"""The errors of queued changes."""

from vectord_client.errors import NotFound, VectordError


class ChangeNotFound(NotFound):
    """The index has no queued change with this token, or it has expired."""


class StillQueued(VectordError):
    """A queued change was neither applied nor refused in time. It still may be: ask for its state later."""
