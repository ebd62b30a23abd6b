"""Errors of loads and exports."""

from vectord_client.errors import ArgumentInvalid, UsageError, VectordError


class LoadError(VectordError):
    """A load cannot continue. What was acknowledged before is in the index."""


class SourceUnreadable(LoadError):
    """The source is not what its name says, or it is damaged."""


class MetadataUnclear(SourceUnreadable):
    """It is not clear which arrays of the source are metadata."""


class SourceMissing(SourceUnreadable, ArgumentInvalid):
    """The file or the object to load does not exist, or may not be read."""


class SourceChanged(LoadError):
    """The source is not the one that the load began with."""


class IndexChanged(LoadError):
    """The index is not the one that the load began with: it was deleted and created again, or emptied."""


class BadRows(LoadError):
    """Rows of the source are not valid, and `on_bad` is "raise". `errors` lists those of one batch."""


class LoadRunning(UsageError):
    """Another process is loading the same source into the same index."""


class JournalUnusable(LoadError):
    """The journal, which makes a load resumable, cannot be read or written."""


class UploadNotSeen(LoadError):
    """An uploaded file did not arrive in the index in time; it may still arrive, or it was rejected."""


class UploadRejected(LoadError):
    """The service did not ingest an uploaded file. `errors` lists rows that it refused."""


class ExportIncomplete(VectordError):
    """An exported file did not arrive as a whole; no file was written."""


class FileUnwritable(ExportIncomplete):
    """The file of an export cannot be written, for example because the disk is full. Nothing was changed."""


class LoadInterrupted(KeyboardInterrupt):
    """A load was interrupted by Ctrl-C. The message says how many rows are in the index and how to resume."""
