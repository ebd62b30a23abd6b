"""vectord beside its peers, in one run: warm engines, cold answers, adds and refreshes over the emulated link."""

import argparse
import datetime
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from bench.measure import machine
from bench.peers import baseline, page, report, warm
from bench.peers.participants import PEERS, QUICK, VECTORD, Entry
from bench.peers.process import ChildFailed
from bench.peers.remote import Adds, cold
from bench.peers.results import DOCS, ENOUGH, RESULTS, Comparison, Side, write
from bench.peers.session import BATCH, Trial, unbuffered
from bench.peers.vectors import vectors
from bench.s3.stand_in import stand_in
from tools.command import console
from tools.command.run import run_tool

ROWS = 99_000
_QUICK_ROWS = 3_000
_SEARCHES, _QUICK_SEARCHES = 200, 40
_HIGH_RECALL = 0.98  # what cold answers of vectord are asked for besides its default
_QUICK_PEER = 15.0  # seconds of cold run and add together, below which things are repeated


def main() -> int:
    unbuffered()
    options = _options()
    return run_tool(lambda folder: _compare(options, folder))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/run.py peers", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, help="an .npz file with `base` (n, d) and `query` (m, d); default: made")
    parser.add_argument("--rows", type=int, help=f"rows to search (default {ROWS:,}, quick {_QUICK_ROWS:,})")
    parser.add_argument("--peers", help="names of peers, comma-separated; default: all")
    parser.add_argument("--quick", action="store_true", help="few rows, runs and peers: does it work at all?")
    parser.add_argument("--results", type=Path, default=RESULTS, help="file for the figures")
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
        trial = Trial(data, store, folder)
        trial.save()
        with console.step("link", "the stand-in with and without it"):
            found.overhead = baseline.overhead(store)
        entries = _entries(options, found)
        entries = _build(trial, entries, found)
        _warm(trial, entries, found, min(searches, len(data.queries)))
        for entry, side in list(zip(entries, found.sides, strict=True)):
            _travel_or_leave_out(trial, entry, side, found, options.quick)
        with console.step("bare calls", "an add's own calls, without the link"):
            found.bare = baseline.copied(store, f"_vectors/{VECTORD.file}.lhv1")
    write(found, options.results)
    report.show(found)
    if not (options.quick or options.peers):
        _publish(found)


def _entries(options: argparse.Namespace, found: Comparison) -> list[Entry]:
    wanted = options.peers.split(",") if options.peers else QUICK if options.quick else [peer.name for peer in PEERS]
    chosen = [VECTORD, *(peer for peer in PEERS if peer.name in wanted)]
    found.missing = [entry.name for entry in chosen if not entry.installed]
    if options.quick:
        chosen = [replace(entry, runs=2) for entry in chosen]
    return [entry for entry in chosen if entry.installed]


def _build(trial: Trial, entries: Sequence[Entry], found: Comparison) -> list[Entry]:
    """Build each side, and give those that could be built."""
    built = []
    for entry in entries:
        with console.step("build", entry.name) as step:
            try:
                seconds, size = warm.build(trial, entry)
            except ChildFailed as problem:
                step.note = f"failed: {str(problem).strip().splitlines()[-1]}"
                found.missing.append(entry.name)
                continue
            step.note = f"{seconds:.1f} s, {size:,} bytes"
        found.sides.append(Side(entry.name, entry.ours, seconds, size))
        built.append(entry)
    return built


def _warm(trial: Trial, entries: Sequence[Entry], found: Comparison, searches: int) -> None:
    with console.step("warm", f"{searches} searches with each effort, all sides in turns"):
        points = warm.warm(trial, entries, searches)
    for side in found.sides:
        side.warm = points[side.name]


def _travel_or_leave_out(trial: Trial, entry: Entry, side: Side, found: Comparison, quick: bool) -> None:
    try:
        _travel(trial, entry, side, quick)
    except ChildFailed as problem:
        if entry.ours:
            raise
        print(f"  {entry.name} is left out: {problem}")
        found.sides.remove(side)
        found.missing.append(entry.name)


def _travel(trial: Trial, entry: Entry, side: Side, quick: bool) -> None:
    point = side.at(ENOUGH) or max(side.warm, key=lambda point: point.recall)
    effort = point.effort if entry.cold is None else entry.cold
    with console.step("cold", entry.name) as step:
        side.remote["cold"] = cold(trial, entry, effort, linked=True, runs=entry.runs)
        side.remote["cold raw"] = cold(trial, entry, effort, linked=False, runs=max(2, entry.runs // 4))
        step.note = f"{side.remote['cold'].median:.2f} s"
        if entry.ours:
            with suppress(ChildFailed):  # of an index that is always exact, or by a vectord that takes no recall
                side.remote[f"cold {_HIGH_RECALL}"] = cold(trial, entry, _HIGH_RECALL, linked=True, runs=entry.runs)
    adds = Adds(trial, entry)
    with console.step("add", entry.name) as step:
        side.remote["add"] = adds.add(linked=True, runs=1)
        often = 1 if quick or side.remote["add"].median > _QUICK_PEER / 10 else 5
        if often > 1:
            side.remote["add"] = adds.add(linked=True, runs=often)
        side.remote["add raw"] = adds.add(linked=False, runs=min(often, 3))
        step.note = f"{side.remote['add'].median:.2f} s"
    with console.step("refresh", entry.name) as step:
        side.remote["refresh"] = adds.refresh(linked=True, runs=min(often, 3), effort=effort)
        step.note = f"{side.remote['refresh'].median:.2f} s"


def _publish(found: Comparison) -> None:
    page.write(found, DOCS / "benchmark.md")
    try:
        from bench.peers import plot  # noqa: PLC0415 (what it draws with may not be installed)
    except ModuleNotFoundError as missing:
        print(f"  no plots: {missing.name} is not installed")
        return
    plot.draw(found, DOCS)
    print("  docs/benchmark.md and its pictures show these figures")


if __name__ == "__main__":
    raise SystemExit(main())
