"""A cold start: the first event imports the engine; a search sends its first requests to S3 before that.

An import needs the processor, and a request waits for S3, so both take hardly longer than the import alone. First the
head of the index is read, then what the search will read next.
docs/decisions/dependencies.md has the measurements.
"""

import gc
import os
import sys
from array import array
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec

from vectord.edge.request import Event
from vectord.edge.route import Deferred
from vectord.errors import BlobError
from vectord.lhv1 import frame
from vectord.lhv1.params import is_blob_name
from vectord.lhv1.parts_layout import PartsLayout
from vectord.runtime import lean_imports, stores
from vectord.runtime.settings import Settings, access_claim
from vectord.service.values.options import SEARCH_HEAD_BYTES
from vectord.storage.base import ByteRange, ObjectHead
from vectord.storage.s3.begun import Following
from vectord.storage.s3.store import S3Store

SEARCH: Final = "POST /indexes/{name}/search"
_ENGINE: Final = "vectord.service.service"
_ON_DEMAND: Final = "on-demand"
# Up to this size an index is read whole: that takes 64 ms at 75 MB/s, as long as two more rounds of requests.
_WHOLE_BYTES: Final = 4_800_000
_early_ranges: Final = Deferred("vectord.index.query.early", "ranges")
_PAGE: Final = 4_096  # bytes; the section cache keeps whole pages, so the last one must be complete


_ABSENT: Final = msgspec.Raw()


class _Search(msgspec.Struct, frozen=True):
    """The fields of a search that decide what it reads first: `as_of` selects an earlier state of the index."""

    as_of: msgspec.Raw = _ABSENT
    vector: list[float] | str | None = None
    k: int = 10  # as in the body of a search
    recall: float | None = None
    ef_search: int | None = None
    filter: msgspec.Raw = _ABSENT
    after: msgspec.Raw = _ABSENT

    @property
    def reads_present_state(self) -> bool:
        return _is_absent(self.as_of)

    @property
    def is_plain(self) -> bool:
        """Return True if the search reads the partitions near one vector, as far as its fields tell."""
        is_filtered = not (_is_absent(self.filter) and _is_absent(self.after))
        return self.vector is not None and not self.ef_search and not is_filtered


def _is_absent(field: msgspec.Raw) -> bool:
    return bytes(field) in {b"", b"null"}


class ColdStart:
    """The functions that one module defers, and what the first request does before it calls them.

    The garbage collector is paused until then. The functions are imported at once if Lambda initializes the process
    ahead of its first request (SnapStart or provisioned concurrency), and if the process has the engine already.
    """

    def __init__(self, *, collects_garbage: bool) -> None:
        """Defer, if that is faster; otherwise enable the garbage collector, if it was enabled before the imports."""
        kind = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", _ON_DEMAND)
        self._defers = kind == _ON_DEMAND and _ENGINE not in sys.modules
        self._deferred: list[Deferred] = []
        self._collects_garbage = collects_garbage
        if collects_garbage and not self._defers:
            gc.enable()

    def function(self, module: str, name: str, *, seldom: bool = False) -> Callable[..., Any]:
        """Return the function `name` of `module`; one that is called `seldom` is deferred until its first call."""
        if not self._defers:
            function: Callable[..., Any] = getattr(import_module(module), name)
            return function
        deferred = Deferred(module, name)
        if not seldom:
            self._deferred.append(deferred)
        return deferred

    @contextmanager
    def first_request(self, event: Event) -> Iterator[None]:
        """Import what is deferred; a search first starts to read its index, for the time of this context."""
        store = _begin_search(event) if self._defers else None
        try:
            self.import_deferred()
            yield
        finally:
            if store is not None:
                store.forget_begun()

    def import_deferred(self) -> None:
        """Import what the first request imports."""
        try:
            if self._defers:
                # At this depth of calls: deeper down, the import crosses the end of a chunk of CPython's stack frames
                # hundreds of times, and maps and unmaps memory each time, 1.4 ms.
                lean_imports.import_numpy()
            for module in {each.module: None for each in self._deferred}:
                import_module(module)
        finally:
            if self._defers:
                gc.freeze()  # a module is never garbage, so the collector need not look at it
                if self._collects_garbage:
                    gc.enable()


def _begin_search(event: Event) -> S3Store | None:
    """Start to read the index that a search names, as the search will; return the store that reads it.

    Return None if the search may need no read, or another one. The engine then decides.
    """
    name = (event.get("pathParameters") or {}).get("name")
    if event.get("routeKey") != SEARCH or not isinstance(name, str) or not is_blob_name(name):
        return None
    search = _search_of(event)
    if access_claim() is not None or search is None or not search.reads_present_state:
        return None
    try:
        settings = Settings.read(os.environ)
        store = stores.begin(settings)
    except ValueError:  # the engine reads the settings too, and fails
        return None
    if store is not None:
        store.begin(name, SEARCH_HEAD_BYTES, _needed, _following(search, settings))
        _ = _early_ranges.function  # imported until the head is there, and before numpy
    return store


def _needed(head: ObjectHead) -> int:
    """Return how many of the first bytes of an object a search will certainly read.

    A second read of them is finished before the engine is imported.
    """
    if head.size <= _WHOLE_BYTES:
        return head.size
    try:
        decoded = frame.decode_head(head.data, head.size)
    except (BlobError, frame.Truncated, frame.VersionOne):  # the engine decodes it again
        return 0
    first, shape = next(iter(decoded.envelope.sections), None), decoded.envelope.parts
    if first is None or first.name != "parts" or not shape:
        return 0
    return decoded.body_start + PartsLayout(decoded.envelope.params.dimension, shape.partitions).codes + _PAGE


def _following(search: _Search, settings: Settings) -> Following:
    """Return the function that chooses the ranges which a search reads next, from the head of the index.

    It chooses none if the search may find sections of an earlier process, or cannot keep all sections at once.
    """
    most = 0 if not search.is_plain or _has_files(settings.section_folder) else settings.section_bytes

    def following(head: ObjectHead) -> Sequence[ByteRange]:
        if not _WHOLE_BYTES < head.size <= most:
            return ()
        vector = _components(search.vector)
        return _early_ranges(head.data, head.size, vector, search.k, search.recall) if vector else ()

    return following


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _components(vector: list[float] | str | None) -> "array[float] | None":
    """Return a vector of JSON, numbers or base64 of float32, in float32; None if it is not valid."""
    try:
        return array("f", b64decode(vector, validate=True) if isinstance(vector, str) else vector or ())
    except (ValueError, OverflowError):
        return None


def _search_of(event: Event) -> _Search | None:
    """Return the fields of a search; None if the body is not a JSON object as text, or has other types."""
    body = event.get("body")
    if event.get("isBase64Encoded") or not isinstance(body, str):
        return None
    try:
        return msgspec.json.decode(body, type=_Search)
    except msgspec.DecodeError:
        return None
