"""Load a file by an upload link: one PUT to the inbox, from where the service ingests the file in one commit.

The API does not say when a file was ingested or why it was rejected. So the file is checked row by row before it is
sent, and afterwards the index is read until it has a sample of its rows.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import msgspec

from vectord_client.errors import BadItem, ConnectionLost, TransportError, Unavailable
from vectord_client.gateway_errors import GatewayFailed, RequestRefused
from vectord_client.load.compare import is_same
from vectord_client.load.errors import SourceChanged, UploadNotSeen, UploadRejected
from vectord_client.load.job import Job, Session
from vectord_client.load.progress import Meter, meter
from vectord_client.load.report import LoadReport
from vectord_client.load.sources.base import Source
from vectord_client.rows.block import Block
from vectord_client.values import IndexInfo, Row, UploadLink
from vectord_client.wire import operations, plans

_FASTER_BYTES: Final = 64 << 20  # some ten batches, which are committed one after the other
_MOST_BYTES: Final = 280 << 20  # a sixth of the memory of the function that ingests, by default
_SAMPLES: Final = 64  # rows that are looked for in the index
_CHUNK: Final = 1 << 20
_ATTEMPTS: Final = 4
_CONNECT_SECONDS: Final = 10.0
_SEND_SECONDS: Final = 120.0  # without progress
_INGEST_SECONDS: Final = 900.0  # at most, as a function may run
_SHORTEST_WAIT: Final = 120.0
_INGESTED_BYTES: Final = 1_000_000  # a second, at least
_POLL_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
# The file was sent, so a read that fails for now does not end the wait for its rows.
_TEMPORARY: Final = (TransportError, Unavailable, GatewayFailed)


class Examined(msgspec.Struct):
    """The rows of a file after a check: their number, the bad ones, and a sample as rows of blocks."""

    rows: int = 0
    bad: list[BadItem] = []
    samples: dict[str, tuple[Block, int]] = {}


def why_not(job: Job, source: Source) -> str | None:
    """Return why a source cannot be sent to an upload link, as far as that is known before it is read."""
    names = job.names
    if not job.session.target.startswith(("http://", "https://")):
        return "the engine is in this process, and needs no link"
    if source.path is None:
        return "only a file on disk can be sent"
    if not source.plain:
        return "only .parquet, .jsonl, .jsonl.gz, .npz and .npy as docs/files.md describes them can be sent"
    if (names.id, names.vector, names.metadata) != ("id", "vector", None):
        return "the service reads only the columns id, vector and metadata"
    return None


def is_faster(source: Source) -> bool:
    """Return True if one upload takes less time than batches, and the service accepts a file of this size."""
    return _FASTER_BYTES <= source.size <= _MOST_BYTES


def request_link(job: Job, source: Source) -> UploadLink:
    """Return a link for a file on disk."""
    path = _path_of(source)
    link: UploadLink = job.session.run(operations.upload_link(job.info.name, _file_name(path), source.size))
    return link


def examine(job: Job, source: Source) -> Examined:
    """Read all rows, check them as the service does, and keep a sample of them."""
    found, every = Examined(0, [], {}), 1
    for number, block in enumerate(source.blocks(job.names, job.shape())):
        source.check()
        found.rows += len(block)
        found.bad += block.bad[: 1_000 - len(found.bad)]
        for row_id in found.samples.keys() & set(block.ids):
            del found.samples[row_id]  # a later row with this id replaces it
        if len(block) and number % every == 0:
            found.samples[block.ids[-1]] = block.rows(len(block) - 1, len(block)), 0
        if len(found.samples) > _SAMPLES:
            found.samples = dict(list(found.samples.items())[::2])
            every *= 2
        if job.stop.is_set():
            break
    return found


def load_by_link(job: Job, source: Source, examined: Examined, link: UploadLink) -> LoadReport:
    """Send a file that was examined, and wait until the index has its rows.

    Raises:
        SourceChanged: the file changed while it was sent.
        UploadRejected: the service refused the file.
        UploadNotSeen: the rows did not arrive in time.
    """
    started = time.monotonic()
    shown = meter(job.progress, source.name, source.size, "B")
    try:
        _put(link, _path_of(source), source.size, shown)
    finally:
        shown.close()
    source.check()
    after = _wait(job, source, examined, link)
    added = min(max(0, after.count - job.info.count), examined.rows)
    seconds = time.monotonic() - started
    return LoadReport(added=added, replaced=examined.rows - added, seconds=seconds, via="upload")


def _path_of(source: Source) -> Path:
    if source.path is None:
        raise AssertionError("only files on disk are uploaded")
    return source.path


def _file_name(path: Path) -> str:
    """Return a name that the inbox accepts: it does not begin with a dot or an underscore."""
    return f"file{path.name}" if path.name.startswith((".", "_")) else path.name


def _put(link: UploadLink, path: Path, size: int, shown: Meter) -> None:
    limits = httpx2.Timeout(_SEND_SECONDS, connect=_CONNECT_SECONDS)
    headers = {**link.headers, "content-length": str(size)}
    for attempt in range(_ATTEMPTS):
        try:
            answer = httpx2.put(link.url, content=_chunks(path, size, shown), headers=headers, timeout=limits)
        except httpx2.TransportError as error:
            if attempt == _ATTEMPTS - 1:
                raise ConnectionLost(f"The upload of {path.name} did not get through: {error}.") from error
            time.sleep(0.5 * 2**attempt)
            continue
        if answer.status_code < 300 or (answer.status_code == 412 and attempt):  # it arrived, but not the answer
            return
        if answer.status_code < 500 or attempt == _ATTEMPTS - 1:
            raise RequestRefused(f"The inbox refused {path.name}: {answer.text:.500}", status=answer.status_code)
        time.sleep(0.5 * 2**attempt)


def _chunks(path: Path, size: int, shown: Meter) -> Iterator[bytes]:
    sent = 0
    with path.open("rb") as file:
        while data := file.read(min(_CHUNK, size - sent)):
            yield data
            sent += len(data)
            shown.set(sent)
    if sent != size:
        raise SourceChanged(f"{path.name} became shorter while it was sent. Nothing was loaded.")


def _patience(session: Session, size: int) -> float:
    """Return the seconds for which an ingestion is waited for."""
    return min(_INGEST_SECONDS, max(session.timeout, _SHORTEST_WAIT + size / _INGESTED_BYTES))


def _wait(job: Job, source: Source, examined: Examined, link: UploadLink) -> IndexInfo:
    """Return the state of the index that has the rows of the sample."""
    session, before, seconds = job.session, job.info, _patience(job.session, source.size)
    end, polls, failure = time.monotonic() + seconds, 0, None
    while time.monotonic() < end and not job.stop.is_set():
        try:
            info: IndexInfo = session.run(operations.describe(before.name))
            if info.etag != before.etag and _has_all(session, before.name, examined):
                return info
        except _TEMPORARY as error:
            failure = error
        _check_not_rejected(source.name, link)
        time.sleep(_POLL_SECONDS[min(polls, len(_POLL_SECONDS) - 1)])
        polls += 1
    raise UploadNotSeen(
        f"The file was uploaded as {link.key}, but the index {before.name!r} does not have its rows after "
        f"{seconds:.0f} s. If it was rejected, the reason is in the inbox at "
        f"{link.key.replace('uploads/', 'rejected/', 1)}.json. Set the option `via` to batches to send it directly."
    ) from failure


class _Report(msgspec.Struct):
    """The report of the service on a file that it did not ingest."""

    reason: str
    rows: list[dict[str, int | str | None]] = []


def _check_not_rejected(name: str, link: UploadLink) -> None:
    """Raise UploadRejected if a local server has a report on the file; a link of S3 does not lead to reports."""
    if "x-amz-" in link.url.lower():
        return
    try:
        answer = httpx2.get(link.url, timeout=_CONNECT_SECONDS)
        report = msgspec.json.decode(answer.content, type=_Report) if answer.status_code == 200 else None
    except (httpx2.TransportError, msgspec.DecodeError):
        return  # the deadline of the wait decides
    if report is not None:
        rows = [(row.get("line"), row.get("id"), row.get("reason")) for row in report.rows]
        bad = [BadItem(int(line or 1) - 1, None if id is None else str(id), str(why)) for line, id, why in rows]
        raise UploadRejected(
            f"The service did not ingest {name}: {report.reason}. Set the option `via` to batches to send it directly.",
            errors=tuple(bad),
        )


def _has_all(session: Session, name: str, examined: Examined) -> bool:
    stored: dict[str, Row] = {row.id: row for row in session.follow(plans.get(name, list(examined.samples)))}
    return all(
        row_id in stored and is_same(stored[row_id], block, place)
        for row_id, (block, place) in examined.samples.items()
    )
