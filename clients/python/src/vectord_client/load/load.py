"""Load a source into an index: choose how, open the journal, run."""

import os
import uuid
from threading import Event
from typing import Any, Final

import msgspec

from vectord_client.errors import ArgumentInvalid, Problem
from vectord_client.gateway_errors import GatewayError
from vectord_client.load import upload
from vectord_client.load.errors import BadRows, IndexChanged
from vectord_client.load.job import Job, Session
from vectord_client.load.journal import Header, Journal, forget, journal_path, open_journal
from vectord_client.load.loading import Cut, Loading
from vectord_client.load.progress import Progress, meter
from vectord_client.load.report import LoadReport
from vectord_client.load.send import Sender, add_by_http, add_in_process
from vectord_client.load.sources.base import Source
from vectord_client.load.sources.open import open_source
from vectord_client.rows.batches import COMMIT_BYTES, REQUEST_BYTES, memory_costs, request_costs
from vectord_client.rows.fields import Names, make_names
from vectord_client.session import takes_rows
from vectord_client.values import IndexInfo
from vectord_client.wire import operations, plans

MOST_WRITES: Final = 1  # in flight, by default: commits of one index conflict, and a lost one is made again
_LEAST_BATCH: Final = 1_000


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a load; `Index.load` documents them."""

    id: str = "id"
    vector: str = "vector"
    metadata: Any = None
    batch_bytes: int | None = None
    concurrency: int | None = None
    progress: Progress = None
    resume: bool | str = True
    on_bad: str = "report"
    via: str = "auto"


def load(session: Session, name: str, source: Any, options: Options, stop: Event) -> LoadReport:
    """Load a source into index `name`, in this thread, until `stop` is set."""
    _check(options)
    info: IndexInfo = session.run(operations.describe(name))
    names = make_names(options.id, options.vector, options.metadata)
    job = Job(session, info, names, options.progress, stop)
    opened = _opened(source, options)
    try:
        if _may_be_uploaded(job, opened, options):
            report = _uploaded(job, opened, options)
            if report is not None:
                return report
            opened.close()
            opened = _opened(source, options)
        return _load_in_batches(job, opened, options)
    finally:
        opened.close()


def _opened(source: Any, options: Options) -> Source:
    return open_source(source, options.resume if isinstance(options.resume, str) else None)


def _uploaded(job: Job, source: Source, options: Options) -> LoadReport | None:
    """Load a file by an upload link; return None if batches are to be sent in its place."""
    try:
        link = upload.request_link(job, source)
    except Problem as error:
        if options.via == "upload" or isinstance(error, GatewayError):
            raise
        return None  # a deployment without an inbox, or a file that it does not accept
    examined = upload.examine(job, source)
    if not examined.bad and not examined.rows:
        return None  # batches of no rows: the index does not change
    if not examined.bad and source.plain:
        return upload.load_by_link(job, source, examined, link)
    if options.via != "upload":
        return None
    if examined.bad:
        raise BadRows(
            f"{source.name} has rows that are not valid, and an uploaded file is ingested as a whole.",
            advice='Correct them, or load the others with via="batches".',
            errors=tuple(examined.bad),
        )
    raise ArgumentInvalid(
        f"{source.name} has other fields than id, vector and metadata, or ids that are not text, which the service "
        "does not read from an uploaded file: see docs/files.md. Set the option `via` to batches."
    )


def _load_in_batches(job: Job, source: Source, options: Options) -> LoadReport:
    session, info = job.session, job.info
    in_process = takes_rows(session.transport)
    how = _cut_in_process(options) if in_process else _cut_requests(session, options)
    journal = _journal(job, source, _cutting(job.names, how), options)
    shown = meter(options.progress, source.name, source.total)
    try:
        if journal.resumed:
            _check_index(job, journal)
        add = add_in_process(session, info.name) if in_process else add_by_http(session, info.name)
        sender = Sender(session, info.name, journal, add, skip_bad=options.on_bad == "report")
        return Loading(source, journal, sender, shown, job.stop).run(job.names, job.shape(), how)
    finally:
        shown.close()
        journal.close()


def _cut_requests(session: Session, options: Options) -> Cut:
    concurrency = options.concurrency or min(MOST_WRITES, session.concurrency)
    return Cut(request_costs, min(options.batch_bytes or REQUEST_BYTES, REQUEST_BYTES), concurrency)


def _cut_in_process(options: Options) -> Cut:
    """Return large batches, sent one at a time: the next one is read while the engine commits."""
    return Cut(memory_costs, options.batch_bytes or COMMIT_BYTES, options.concurrency or 1)


def _journal(job: Job, source: Source, cutting: dict[str, str], options: Options) -> Journal:
    info, target = job.info, job.session.target
    header = Header(
        load=uuid.uuid4().hex,
        source=source.identity or "",
        fingerprint=source.fingerprint,
        index=info.name,
        dimension=info.dimension,
        distance=info.distance,
        options=cutting,
        etag=info.etag,
    )
    if source.identity is None:
        return Journal(header)
    path = journal_path(target, info.name, source.identity, os.environ)
    if options.resume is False:
        forget(path, header)
        return Journal(header)
    return open_journal(path, header)


def _check_index(job: Job, journal: Journal) -> None:
    """Raise IndexChanged if the index has none of the rows that the load put into it."""
    name, samples = job.info.name, journal.samples()
    if samples and not job.session.follow(plans.get(name, samples, include=())):
        raise IndexChanged(
            f"The index {name!r} has none of the rows that an interrupted load of {journal.header.source} put into it: "
            "it was created again, or emptied or restored to a state before them.",
            advice="Load everything with resume=False.",
        )


def _may_be_uploaded(job: Job, source: Source, options: Options) -> bool:
    """Return True if the file is to be sent to an upload link, unless its rows say otherwise."""
    if options.via == "batches":
        return False
    reason = upload.why_not(job, source)
    if options.via == "upload":
        if reason is not None:
            raise ArgumentInvalid(f"{source.name} cannot be loaded by an upload link: {reason}.")
        return True
    if reason is not None or not upload.is_faster(source):
        return False
    journal = journal_path(job.session.target, job.info.name, source.identity or "", os.environ)
    return options.resume is False or not journal.exists()  # a load that began in batches goes on in batches


def _cutting(names: Names, how: Cut) -> dict[str, str]:
    """Return the options that decide how rows are cut into batches."""
    columns = {"id": names.id, "vector": names.vector, "metadata": names.metadata}
    return {name: repr(value) for name, value in {**columns, "batch_bytes": how.batch_bytes}.items()}


def _check(options: Options) -> None:
    choices = {"on_bad": (options.on_bad, ("report", "raise")), "via": (options.via, ("auto", "batches", "upload"))}
    for name, (value, allowed) in choices.items():
        if value not in allowed:
            raise ArgumentInvalid(f"{name} is {value!r}; it is one of {', '.join(map(repr, allowed))}.")
    numbers = {"concurrency": (options.concurrency, 1), "batch_bytes": (options.batch_bytes, _LEAST_BATCH)}
    for name, (number, least) in numbers.items():
        if number is not None and (not isinstance(number, int) or number < least):
            raise ArgumentInvalid(f"{name} is {number!r:.80}; it is a whole number of at least {least:,}.")
    if not isinstance(options.resume, bool | str) or options.resume == "":
        raise ArgumentInvalid(f"resume is {options.resume!r:.80}; it is True, False, or a name for the load.")
