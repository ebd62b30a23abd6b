"""A cold start: the first event imports the engine; a search sends its first request to S3 before that.

An import needs the processor, and a request waits for S3, so both take hardly longer than the import alone.
docs/decisions/dependencies.md has the measurements.
"""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
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
from vectord.storage.base import ObjectHead
from vectord.storage.s3.store import S3Store

SEARCH: Final = "POST /indexes/{name}/search"
_ENGINE: Final = "vectord.service.service"
_ON_DEMAND: Final = "on-demand"
# Up to this size an index is read whole: that takes 64 ms at 75 MB/s, as long as two more rounds of requests.
_WHOLE_BYTES: Final = 4_800_000
_PAGE: Final = 4_096  # bytes; the section cache keeps whole pages, so the last one must be complete


class _State(msgspec.Struct, frozen=True):
    """The field of a search that selects an earlier state of the index."""

    as_of: msgspec.Raw | None = None


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
                store.forget_head()

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
    """Start to read the head of the index that a search names, as the search will; return the store that reads it.

    Return None if the search may need no read, or another one. The engine then decides.
    """
    name = (event.get("pathParameters") or {}).get("name")
    if event.get("routeKey") != SEARCH or not isinstance(name, str) or not is_blob_name(name):
        return None
    if access_claim() is not None or not _reads_present_state(event):
        return None
    try:
        store = stores.begin(Settings.read(os.environ))
    except ValueError:  # the engine reads the settings too, and fails
        return None
    if store is not None:
        store.begin_head(name, SEARCH_HEAD_BYTES, _needed)
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


def _reads_present_state(event: Event) -> bool:
    """Return True if the body is JSON as text, without `as_of`."""
    body = event.get("body")
    if event.get("isBase64Encoded") or not isinstance(body, str):
        return False
    try:
        return msgspec.json.decode(body, type=_State).as_of is None
    except msgspec.DecodeError:
        return False
