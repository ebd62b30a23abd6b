"""The composition root of embedded mode: the engine over a folder. It reads no environment variables."""

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import msgspec

from vectord.cache.section_cache import MAX_OPEN_FILES, SectionCache
from vectord.edge import handler
from vectord.edge.handler import Handler
from vectord.lhv1.frame import Envelope
from vectord.service.service import Service
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.storage.files.store import FileStore
from vectord_client.embedded import events
from vectord_client.embedded.builds import BackgroundPolicy, Builds
from vectord_client.embedded.inbox import FOLDER as INBOX
from vectord_client.embedded.inbox import FolderInbox, SignUpload
from vectord_client.embedded.process_files import Scratch
from vectord_client.embedded.requirements import Options
from vectord_client.embedded.uploads import MEMORY_SHARE, Uploads
from vectord_client.embedded.worker import Repeating

if TYPE_CHECKING:
    from vectord.service.export import Exports
    from vectord.service.ingestion.ingestion import Ingestion
    from vectord.service.maintenance.compaction import Compaction

_ATTEMPTS: Final = 1_000  # of a build's commit: an attempt that meets a conflict costs little
_ARNS: Final = "arn:aws:s3vectors:us-east-1:000000000000"  # as emulators of AWS have it
_SWEEP_DELAY: Final = 1.0  # seconds after a folder is opened: the first requests go before
_SWEEP_INTERVAL: Final = 3_600.0
_SNAPSHOT_SHARE: Final = 3  # of the memory, for the envelopes of opened indexes


def _max_open() -> int:
    """Return how many section files may be open: each uses two descriptors, and the program needs others."""
    limit = os.sysconf("SC_OPEN_MAX")
    return limit // 4 if limit > 0 else MAX_OPEN_FILES


def _no_claim() -> None:
    """Return no claim: the process that opened the folder may do everything."""


class Engine:
    """The engine over one folder: its service, the handlers of its functions, and the threads behind them."""

    def __init__(self, folder: Path, store: FileStore, options: Options, sign_upload: SignUpload) -> None:
        """Use the objects in `store`; `sign_upload` returns the URL for an upload."""
        self.folder, self.store, self.options = folder, store, options
        self._environment = Environment()
        self._scratch = Scratch(options.cache_folder)
        self._files = SectionCache(self._scratch.path / "sections", options.cache_bytes, max_open=_max_open())
        self.builds = Builds(folder, self._compaction)
        self._sweeps = Repeating("vectord-sweeps", store.sweep, first=_SWEEP_DELAY, interval=_SWEEP_INTERVAL)
        self._policy = BackgroundPolicy(self._environment, self.builds.request)
        self.service = Service(
            store,
            self._files,
            memory_bytes=options.memory_bytes // _SNAPSHOT_SHARE,
            environment=self._environment,
            retry_policy=RetryPolicy(),
            build_policy=self._policy,
        )
        self._inbox = FolderInbox(folder / INBOX, sign_upload)
        self.uploads = Uploads(self._inbox, lambda: self._ingestion)
        self._handlers: dict[str, Handler] = {}
        self._first, self._answered = RLock(), set[str]()
        msgspec.json.Decoder(Envelope)  # which the threads behind the functions read too; see `handle`

    def start(self) -> None:
        """In the background, resume what an earlier process left to do, and remove what is too old every hour."""
        self.builds.scan_later(self.service)
        self._sweeps.start()

    def handle(self, function: str, event: Mapping[str, Any], context: object) -> Mapping[str, Any]:
        """Return the answer of a function, which is imported at its first request.

        The first request of each route is answered alone: it makes the decoders of types, and msgspec can crash if two
        threads make one at once.
        """
        route = event["routeKey"]
        if route in self._answered:
            return self._answer(function, event, context)
        with self._first:
            answer = self._answer(function, event, context)
        self._answered.add(route)
        return answer

    def close(self, seconds: float | None = None) -> None:
        """Finish what takes at most `seconds` together in the background, and stop the threads."""
        end = monotonic() + (self.options.close_seconds if seconds is None else seconds)
        self._sweeps.stop()
        try:
            self.uploads.close(max(0.0, end - monotonic()))
        finally:
            try:
                self.builds.close(max(0.0, end - monotonic()))
            finally:
                self._scratch.remove()

    def _answer(self, function: str, event: Mapping[str, Any], context: object) -> Mapping[str, Any]:
        found = self._handlers.get(function)
        if found is None:
            found = self._handlers[function] = self._handler(function)
        answer: Mapping[str, Any] = found(event, context)
        return answer

    def _handler(self, function: str) -> Handler:
        module = import_module(f"vectord_functions.{function}.handler")
        if function == "s3vectors":
            return self._s3vectors(module.ROUTES)
        composed: Mapping[str, Callable[[], Any]] = {
            "export": lambda: self._exports,
            "upload": lambda: self._ingestion,
        }
        compose = composed.get(function, lambda: self.service)
        return handler.handler(module.ROUTES, compose, _no_claim, begin_log=events.begin_log)

    def _s3vectors(self, routes: Mapping[str, Any]) -> Handler:
        from vectord.edge.s3vectors import faults  # noqa: PLC0415  few programs use this protocol
        from vectord.edge.s3vectors.endpoint import Endpoint  # noqa: PLC0415
        from vectord.edge.s3vectors.names import Arns  # noqa: PLC0415

        return handler.handler(
            routes,
            lambda: Endpoint(self.service, Arns(_ARNS)),
            _no_claim,
            answer_error=faults.answer,
            request_id_header="x-amzn-RequestId",
            begin_log=events.begin_log,
        )

    @cached_property
    def _exports(self) -> "Exports":
        from vectord.service.export import Exports  # noqa: PLC0415  imports the writers of files

        return Exports(self.service, self._scratch.path, self.options.cache_bytes)

    @cached_property
    def _ingestion(self) -> "Ingestion":
        from vectord.service.ingestion.ingestion import Ingestion  # noqa: PLC0415  imports the readers of files

        return Ingestion(
            self._inbox,
            self.store,
            self._files,
            max_file_bytes=self.options.memory_bytes // MEMORY_SHARE,
            environment=Environment(),
            retry_policy=RetryPolicy(),
            build_policy=self._policy,
        )

    def _compaction(self) -> "Compaction":
        from vectord.service.maintenance.compaction import Compaction  # noqa: PLC0415  imports the builder

        retry_policy = RetryPolicy(max_attempts=_ATTEMPTS)
        return Compaction(
            self.store, self._files, environment=Environment(), retry_policy=retry_policy, wait_limits=None
        )
