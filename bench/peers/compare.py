"""Compare vectord with other libraries in one run: warm engines; cold searches, adds and refreshes over the link."""

import argparse
import datetime
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from bench.measure import machine
from bench.peers import baseline, page, report, warm
from bench.peers.participants import PEERS, QUICK, VECTORD, Participant
from bench.peers.process import ChildFailed
from bench.peers.remote import Adds, cold
from bench.peers.results import DOCS, ENOUGH, RESULTS, Comparison, Side, write
from bench.peers.session import BATCH, Session, unbuffered
from bench.peers.vectors import vectors
from bench.s3.stand_in import stand_in
from tools.command import console
from tools.command.run import run_tool

ROWS = 99_000
_QUICK_ROWS = 3_000
_SEARCHES, _QUICK_SEARCHES = 200, 40
_HIGH_RECALL = 0.98  # a second target recall for the cold searches of vectord
_QUICK_PEER = 15.0  # seconds; operations of faster peers are repeated


def main() -> int:
    unbuffered()
    options = _options()
    return run_tool(lambda folder: _compare(options, folder))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run.py peers", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--data", type=Path, help="an .npz file with `base` (n, d) and `query` (m, d); default: synthetic vectors"
    )
    parser.add_argument("--rows", type=int, help=f"rows to search (default {ROWS:,}, quick {_QUICK_ROWS:,})")
    parser.add_argument("--peers", help="names of peers, comma-separated; default: all")
    parser.add_argument("--quick", action="store_true", help="few rows, runs and peers: a test that everything works")
    parser.add_argument("--results", type=Path, default=RESULTS, help="JSON file for the figures")
    options = parser.parse_args()
    options.rows = options.rows or (_QUICK_ROWS if options.quick else ROWS)
    if options.quick and options.results == RESULTS:
        options.results = RESULTS.with_name("quick.json")
    return options


def _compare(options: argparse.Namespace, folder: Path) -> None:
    with console.step("data", f"{options.rows:,} rows and their true neighbours") as step:
        searches = _QUICK_SEARCHES if options.quick else _SEARCHES
        data = vectors(options.data, options.rows, searches, BATCH)
        step.note = data.about
    dimension = data.base.shape[1]
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    found = Comparison(date, dict(machine()), data.about, len(data.base), dimension)
    with stand_in(folder) as store:
        session = Session(data, store, folder)
        session.save()
        with console.step("link", "downloads with and without it"):
            found.overhead = baseline.overhead(store)
        participants = _entries(options, found)
        participants = _build(session, participants, found)
        _warm(session, participants, found, min(searches, len(data.queries)))
        for participant, side in list(zip(participants, found.sides, strict=True)):
            _measure_remote_or_leave_out(session, participant, side, found, options.quick)
        with console.step("bare calls", "the S3 calls of an add, without the link"):
            found.bare_calls = baseline.copy_calls(store, f"_vectors/{VECTORD.file}.lhv1")
    write(found, options.results)
    report.show(found)
    if not (options.quick or options.peers):
        _publish(found)


def _entries(options: argparse.Namespace, found: Comparison) -> list[Participant]:
    wanted = options.peers.split(",") if options.peers else QUICK if options.quick else [peer.name for peer in PEERS]
    chosen = [VECTORD, *(peer for peer in PEERS if peer.name in wanted)]
    found.missing = [participant.name for participant in chosen if not participant.installed]
    if options.quick:
        chosen = [replace(participant, runs=2) for participant in chosen]
    return [participant for participant in chosen if participant.installed]


def _build(session: Session, participants: Sequence[Participant], found: Comparison) -> list[Participant]:
    """Build the index of each participant, and return those whose build succeeded."""
    built = []
    for participant in participants:
        with console.step("build", participant.name) as step:
            try:
                seconds, size = warm.build(session, participant)
            except ChildFailed as problem:
                step.note = f"failed: {str(problem).strip().splitlines()[-1]}"
                found.missing.append(participant.name)
                continue
            step.note = f"{seconds:.1f} s, {size:,} bytes"
        found.sides.append(Side(participant.name, participant.ours, seconds, size))
        built.append(participant)
    return built


def _warm(session: Session, participants: Sequence[Participant], found: Comparison, searches: int) -> None:
    with console.step("warm", f"{searches} searches with each effort, alternating"):
        points = warm.warm(session, participants, searches)
    for side in found.sides:
        side.warm = points[side.name]


def _measure_remote_or_leave_out(
    session: Session, participant: Participant, side: Side, found: Comparison, quick: bool
) -> None:
    try:
        _measure_remote(session, participant, side, quick)
    except ChildFailed as problem:
        if participant.ours:
            raise
        print(f"  {participant.name} is left out: {problem}")
        found.sides.remove(side)
        found.missing.append(participant.name)


def _measure_remote(session: Session, participant: Participant, side: Side, quick: bool) -> None:
    point = side.at(ENOUGH) or max(side.warm, key=lambda point: point.recall)
    effort = point.effort if participant.cold is None else participant.cold
    with console.step("cold", participant.name) as step:
        side.remote["cold"] = cold(session, participant, effort, linked=True, runs=participant.runs)
        side.remote["cold raw"] = cold(session, participant, effort, linked=False, runs=max(2, participant.runs // 4))
        step.note = f"{side.remote['cold'].median:.2f} s"
        if participant.ours:
            with suppress(ChildFailed):  # an older vectord without target recall
                side.remote[f"cold {_HIGH_RECALL}"] = cold(
                    session, participant, _HIGH_RECALL, linked=True, runs=participant.runs
                )
    adds = Adds(session, participant)
    with console.step("add", participant.name) as step:
        side.remote["add"] = adds.add(linked=True, runs=1)
        often = 1 if quick or side.remote["add"].median > _QUICK_PEER / 10 else 5
        if often > 1:
            side.remote["add"] = adds.add(linked=True, runs=often)
        side.remote["add raw"] = adds.add(linked=False, runs=min(often, 3))
        step.note = f"{side.remote['add'].median:.2f} s"
    with console.step("refresh", participant.name) as step:
        side.remote["refresh"] = adds.refresh(linked=True, runs=min(often, 3), effort=effort)
        step.note = f"{side.remote['refresh'].median:.2f} s"


def _publish(found: Comparison) -> None:
    page.write(found, DOCS / "benchmark.md")
    try:
        from bench.peers import plot  # noqa: PLC0415 - matplotlib may not be installed
    except ModuleNotFoundError as missing:
        print(f"  no plots: {missing.name} is not installed")
        return
    plot.draw(found, DOCS)
    print("  docs/benchmark.md and its pictures have these figures now")


if __name__ == "__main__":
    raise SystemExit(main())
