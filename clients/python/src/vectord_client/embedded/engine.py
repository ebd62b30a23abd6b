"""The composition root of embedded mode: the engine over a folder. It reads no environment variables."""

import tempfile
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from vectord.cache.section_cache import SectionCache
from vectord.edge import handler
from vectord.edge.handler import Handler
from vectord.service.service import Service
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline
from vectord.storage.base import Store
from vectord_client.embedded import log
from vectord_client.embedded.builds import BackgroundPolicy, Builds, Compact
from vectord_client.embedded.lock import FolderLock
from vectord_client.embedded.options import Options

_PAGE: Final = 1_000  # indexes of one listing
_LIST_SECONDS: Final = 60.0
_ATTEMPTS: Final = 1_000  # of a build's commit: an attempt that meets a conflict costs little
_ARNS: Final = "arn:aws:s3vectors:local:000000000000"


def _no_claim() -> None:
    """Return no claim: the process that opened the folder may do everything."""


class Engine:
    """The engine over one folder: its service, its handlers, and the thread of its builds."""

    def __init__(self, folder: Path, store: Store, options: Options) -> None:
        self.folder, self.store, self.options = folder, store, options
        self._environment = Environment()
        sections = options.cache_folder or Path(tempfile.gettempdir()) / "vectord-sections"
        self._files = SectionCache(sections, options.cache_bytes)
        self.builds = Builds(self._compaction, self._names, FolderLock(folder / ".builds.lock"))
        self._policy = BackgroundPolicy(self._environment, self.builds)
        self.service = Service(
            store,
            self._files,
            memory_bytes=options.memory_bytes // 3,
            environment=self._environment,
            retry_policy=RetryPolicy(),
            build_policy=self._policy,
        )
        self._handlers: dict[str, Handler] = {}

    def handle(self, function: str, event: Mapping[str, Any], context: object) -> Mapping[str, Any]:
        """Return the answer of a function, which is imported at its first request."""
        found = self._handlers.get(function)
        if found is None:
            found = self._handlers[function] = self._handler(function)
        answer: Mapping[str, Any] = found(event, context)
        return answer

    def close(self) -> None:
        """Finish the builds that take only a few seconds, and stop the thread."""
        self.builds.close(self.options.close_seconds)

    def _handler(self, function: str) -> Handler:
        module = import_module(f"vectord_functions.{function}.handler")
        composed: Mapping[str, tuple[Callable[[], Any], Mapping[str, Any]]] = {
            "export": (lambda: self._exports, {}),
            "s3vectors": (lambda: self._endpoint, self._s3vectors),
        }
        compose, more = composed.get(function, (lambda: self.service, {}))
        return handler.handler(module.ROUTES, compose, _no_claim, begin_log=log.begin, **more)

    @cached_property
    def _exports(self) -> Any:
        from vectord.service.export import Exports  # noqa: PLC0415  imports the writers of files

        return Exports(self.service, Path(tempfile.gettempdir()), self.options.cache_bytes)

    @cached_property
    def _endpoint(self) -> Any:
        from vectord.edge.s3vectors.endpoint import Endpoint  # noqa: PLC0415  few programs use it
        from vectord.edge.s3vectors.names import Arns  # noqa: PLC0415

        return Endpoint(self.service, Arns(_ARNS))

    @cached_property
    def _s3vectors(self) -> Mapping[str, Any]:
        from vectord.edge.s3vectors import faults  # noqa: PLC0415

        return {"answer_error": faults.answer, "request_id_header": "x-amzn-RequestId"}

    def _compaction(self) -> Compact:
        from vectord.service.maintenance.compaction import Compaction  # noqa: PLC0415  imports the builder

        return Compaction(
            self.store,
            self._files,
            environment=Environment(),
            retry_policy=RetryPolicy(max_attempts=_ATTEMPTS),
        ).compact

    def _names(self) -> list[str]:
        """Return the names of all indexes and shards of the folder."""
        names, after = list[str](), None
        deadline = Deadline(self._environment.now() + _LIST_SECONDS)
        while True:
            page = self.service.list_indexes("", _PAGE, after, deadline)
            names += (found.name for found in page.objects)
            if (after := page.after) is None:
                return names
