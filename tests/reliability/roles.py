"""What the processes of a race do; each notes a change before it tries it, and the outcome after."""

import os
import shutil
from collections.abc import Sequence
from itertools import count
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from msgspec import structs

from tests.reliability import model
from tests.reliability.processes import PATIENCE, Place, until
from tests.support.failing_system import Calls, killed, killed_after_it
from tests.support.folder_states import CASES, opened
from tests.support.services import a_query
from vectord.cache.section_cache import SectionCache
from vectord.edge.events import changes
from vectord.errors import IndexExists, IndexNotFound, Unavailable, VectordError
from vectord.index.query.query import Match
from vectord.service.maintenance.compaction import Compaction
from vectord.service.maintenance.quiet import WaitLimits
from vectord.service.values.environment import Environment
from vectord.service.values.options import Deadline, NewIndex
from vectord.storage.files.system import System

DIMENSION = 32
WIDE = 512  # so that the rows and their changes are more than a reader's first request returns


def batch(writer: str, number: int, size: int) -> model.Add:
    """Return the batch of a writer, the same wherever it is asked for."""
    ids = [f"{writer}/{number}/{row}" for row in range(size)]
    return model.Add(tuple((one, vector(one), b'{"batch":%d}' % number) for one in ids))


def vector(text: str, dimension: int = DIMENSION) -> bytes:
    return np.random.default_rng(list(text.encode())).standard_normal(dimension).astype("<f4").tobytes()


def adder(place: Place, number: int, batches: int, size: int, start: Barrier | None) -> None:
    """Add batch after batch."""
    name = f"w{number}"
    journal, service = place.journal(name), place.service(number)
    if start:
        start.wait()
    for one in range(batches):
        journal.note(attempts=one)
        done = service.add("t", model.entries(*batch(name, one, size).rows), Deadline(until()))
        journal.note(done=one, count=done.count, etag=done.etag, added=done.added, replaced=done.replaced)


def builder(place: Place, started: Any) -> None:
    """Compact the index, to be killed meanwhile; a build is due from one row of tail."""
    files = SectionCache(place.folder / "files-builder", 1 << 28)
    compaction = Compaction(
        place.store(),
        files,
        environment=Environment(),
        retry_policy=PATIENCE,
        thresholds=structs.replace(place.sizes, tail_rows=0, tail_share=1_000_000),
        wait_limits=WaitLimits(quiet=0),
    )
    started.set()
    compaction.compact("t", "builder", Deadline(until()))


def creator(place: Place, number: int, names: int, start: Barrier) -> None:
    """Create every name, with a dimension that tells who did."""
    journal, service = place.journal(f"w{number}"), place.service(number)
    for one in range(names):
        start.wait()
        try:
            done = service.create(NewIndex(f"n{one}", number + 1), Deadline(until()))
        except IndexExists:
            journal.note(name=one, won=False)
        else:
            journal.note(name=one, won=True, dimension=done.params.dimension)


def adder_until_gone(place: Place, number: int, life: int, start: Barrier) -> None:
    """Add until the index is deleted."""
    name = f"w{number}-{life}"
    journal, service = place.journal(f"w{number}"), place.service(number)
    start.wait()
    for one in range(100_000):
        try:
            done = service.add("t", model.entries(*batch(name, one, 2).rows), Deadline(until()))
        except IndexNotFound:
            journal.note(life=life, gone=one)
            return
        journal.note(life=life, done=one, count=done.count)


def generation(number: int, rows: int) -> model.Add:
    """Return the batch that makes every row that of a generation."""
    return model.Add(
        tuple((f"row {row}", vector(f"{number}/{row}", WIDE), b'{"g":%d}' % number) for row in range(rows))
    )


def generations(place: Place, last: int, rows: int, acknowledged: "Synchronized[int]") -> None:
    """Write generation after generation over all rows, one commit each."""
    journal, service = place.journal("writer"), place.service(0)
    for one in range(1, last + 1):
        done = service.add("t", model.entries(*generation(one, rows).rows), Deadline(until()))
        journal.note(generation=one, etag=done.etag)
        acknowledged.value = one


def reader(place: Place, number: int, last: int, rows: int, acknowledged: "Synchronized[int]") -> None:
    """Search until the last generation is found; note a result that is not one generation, or is too old."""
    journal, service = place.journal(f"r{number}"), place.service(100 + number)
    chance, seen, answers = Random(number), 0, 0
    while seen < last:
        if chance.random() < 0.1:
            service = place.service(100 + number)  # a function that starts
        least = max(seen, acknowledged.value)
        query = np.array([chance.gauss(0, 1) for _ in range(WIDE)], np.float32)
        found = service.search("t", a_query(query, rows + 5, recall=chance.choice([1, 0.95])), Deadline(until()))
        seen, fault = _generation_of(found.answer.matches, rows)
        if fault or seen < least:
            journal.note(fault=fault or f"generation {seen} after {least}", etag=found.etag)
            return
        journal.note(generation=seen, etag=found.etag)
        answers += 1
    journal.note(answers=answers)


def _generation_of(matches: list[Match], rows: int) -> tuple[int, str]:
    outcome = {model.text_of(match.metadata) for match in matches}
    if len(matches) != rows or len(outcome) != 1:
        return 0, f"{len(matches)} rows of {outcome}"
    number = int((outcome.pop() or b"{}")[5:-1])
    whole = {one: components for one, components, _ in generation(number, rows).rows}
    if {match.id: match.vector.astype("<f4").tobytes() for match in matches} != whole:
        return number, "rows that were never written"
    return number, ""


def adder_to_be_killed(place: Place, number: int, life: int, size: int, started: Any) -> None:
    """Add until this process is killed."""
    name = f"k{number}-{life}"
    journal, service = place.journal(f"k{number}"), place.service(number)
    service.list_indexes("", 1, None, Deadline(until()))  # makes the client that writes
    started.set()
    for one in range(100_000):
        journal.note(life=life, attempts=one)
        try:
            service.add("t", model.entries(*batch(name, one, size).rows), Deadline(until()))
        except Unavailable:
            raise
        except VectordError as error:
            journal.note(life=life, fault=repr(error))
            return
        journal.note(life=life, done=one)


def worker(place: Place, number: int, messages: Sequence[str], started: Any) -> None:
    """Apply the queued changes that messages announce, perhaps to be killed meanwhile; note those that are done."""
    journal, service = place.journal(f"q{number}"), place.service(number)
    service.list_indexes("", 1, None, Deadline(until()))  # makes the client that writes
    deliver = changes.handler(lambda: service)
    started.set()
    for message in messages:
        answer = deliver({"Records": [{"messageId": "m", "body": message}]}, None)
        if not answer["batchItemFailures"]:
            journal.note(done=message)


def changers_to_be_killed(folder: Path, name: str, after: bool) -> None:
    """Copy the folder `first` for each system call of a change, and have a process make the change there.

    The process is killed before or after that call. The copies have the numbers of the calls, from 1, as names.
    """
    fault = killed_after_it if after else killed
    for at in count(1):
        copy = shutil.copytree(folder / "first", folder / str(at))
        child = os.fork()
        if child == 0:
            CASES[name].change(opened(copy, Calls(at, fault, system=System()).system()))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            assert status == 0
            shutil.rmtree(copy)
            return
