"""Loads and exports for coroutines: the methods of an index that move many rows."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vectord_client.async_session import AsyncSession
from vectord_client.wire.encode import AsOf, state

if TYPE_CHECKING:
    from vectord_client.load.progress import Progress
    from vectord_client.load.report import LoadReport


class AsyncExportable:
    """What can be exported to a file: an index, or an earlier state of it."""

    _session: AsyncSession
    _name: str
    _as_of: AsOf | None

    async def export(
        self,
        path: "str | os.PathLike[str]",
        *,
        format: str | None = None,
        vector_encoding: str | None = None,
        progress: "Progress" = None,
        as_of: AsOf | None = None,
    ) -> int:
        """Write all rows to a file at `path`, and return its size in bytes.

        `format` is "parquet", "jsonl", "jsonl.gz" or "lhv1"; None takes it from the end of the path. The file appears
        when it is complete and checked, in the place of one that exists. `vector_encoding="base64"` makes JSON lines
        smaller. `progress` is True, False, a function of (done, total) in bytes, or None: a bar on a terminal.

        Raises:
            ExportIncomplete: The file did not arrive as a whole. What was at `path` before is still there.
        """
        from vectord_client.load.export import ExportOptions, export  # noqa: PLC0415  exports are rare

        options = ExportOptions(
            format=format, vector_encoding=vector_encoding, progress=progress, as_of=state(as_of, self._as_of)
        )
        from vectord_client.load.bridge import in_thread  # noqa: PLC0415  as above

        return await in_thread(self._session, lambda session, _: export(session, self._name, path, options))


class AsyncLoadable:
    """What rows can be loaded into: an index."""

    _session: AsyncSession
    _name: str

    async def load(
        self,
        source: Any,
        *,
        id: str = "id",
        vector: str = "vector",
        metadata: str | Sequence[str] | None = None,
        batch_bytes: int | None = None,
        concurrency: int | None = None,
        progress: "Progress" = None,
        resume: bool | str = True,
        on_bad: str = "report",
        via: str = "auto",
    ) -> "LoadReport":
        """Load any number of rows in bounded memory, and return a report.

        `source` is a path or `s3://bucket/key` of a file (.parquet, .jsonl, .npz, .npy, .csv or another), or rows in
        any form that `add` accepts: a DataFrame, an Arrow table, or an iterable, which is read once. `id` and `vector`
        name the columns; all others are metadata, unless `metadata` names the columns, or one column with all of it.

        Rows are sent in batches of at most `batch_bytes`, of which up to `concurrency` are in flight. A load that was
        interrupted, by Ctrl-C, a kill or a power failure, continues where it was when it is run again: no row is
        applied twice, and none is lost. For an iterable, `resume` names the load; False forgets an interrupted load.

        Rows that are not valid are reported and the others loaded, or `on_bad="raise"` ends the load at them. `via` is
        "batches", "upload" (a link, in one commit) or "auto": a link for a large file of a format that the service
        reads. `progress` is True, False, a function of (done, total), or None: a bar if stderr is a terminal.

        Raises:
            SourceChanged: The source changed while it was loaded, or since the load was interrupted.

        If the task is cancelled, the load ends after the batches in flight, and can be resumed.
        """
        from vectord_client.load.bridge import in_thread  # noqa: PLC0415  loads are rare
        from vectord_client.load.load import Options, load  # noqa: PLC0415

        options = Options(
            id=id,
            vector=vector,
            metadata=metadata,
            batch_bytes=batch_bytes,
            concurrency=concurrency,
            progress=progress,
            resume=resume,
            on_bad=on_bad,
            via=via,
        )
        return await in_thread(self._session, lambda session, stop: load(session, self._name, source, options, stop))
