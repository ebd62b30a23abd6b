"""Measure an index in use: loaded in batches, built, added to, patched and deleted from, over the link.

`python bench/run.py use [--before CHECKOUT] [--quick]`. The compact function runs in a process of its own. A run takes
about 6 minutes on a quiet machine, and 2 fewer without `--before`. States:

loaded      after the load, before its build
just built  after the build that follows the load
in use      after more adds, patches and deletes, before the next build
"""

import argparse
import datetime
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.measure import Times, machine
from bench.peers import baseline
from bench.peers.results import DOCS
from bench.peers.session import unbuffered
from bench.peers.vectors import Vectors, vectors
from bench.s3.stand_in import stand_in
from bench.use import page
from bench.use.figures import RESULTS, Adds, InUse, Load, Side, write
from bench.use.measuring import Queries, measure
from bench.use.participants import Running, chosen, running
from tools.command import console
from tools.command.run import run_tool

_SEED = 20_261_129
_CHANGING_SECONDS = 3_600.0  # of a process that makes many changes
_CHANGES = 4  # requests in which the patches are made, and in which the deletes are


@dataclass(frozen=True)
class Sizes:
    """How many rows are loaded and changed, and how many searches are measured."""

    batches: int = 35
    batch: int = 2_000
    adds: int = 60
    add: int = 100
    timed_adds: int = 200
    others_adds: int = 60  # timed adds of the other participants
    patched: float = 0.01
    deleted: float = 0.05
    searches: int = 100
    cold: int = 5

    @property
    def loaded(self) -> int:
        return self.batches * self.batch

    @property
    def used(self) -> int:
        return self.loaded + self.adds * self.add

    @property
    def all(self) -> int:
        return self.used + self.timed_adds * self.add


_QUICK = Sizes(batches=5, batch=1_000, adds=5, timed_adds=5, others_adds=2, searches=20, cold=1)


def main() -> int:
    unbuffered()
    parser = argparse.ArgumentParser(prog="bench/run.py use", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=_file, help="an .npz file as for the comparison; default: synthetic vectors")
    parser.add_argument("--before", type=_checkout, help="another checkout, whose functions are measured beside these")
    parser.add_argument("--alone", action="store_true", help="without peers")
    parser.add_argument("--quick", action="store_true", help="few rows and runs: a test that everything works")
    parser.add_argument("--batches", type=_count, help="batches of the load; default: 35 of 2,000")
    parser.add_argument("--adds", type=_count, help="adds of 100 to vectord that are timed; default: 200")
    parser.add_argument("--cold", type=_count, help="cold searches for each state and effort; default: 5")
    parser.add_argument("--results", type=Path, default=RESULTS, help="JSON file for the figures")
    options = parser.parse_args()
    if options.quick and options.results == RESULTS:
        options.results = RESULTS.with_name("use-quick.json")
    return run_tool(lambda folder: _measure(options, folder))


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 or more")
    return int(text)


def _file(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"{text!r} is not a file")
    return Path(text)


def _checkout(text: str) -> Path:
    if not (Path(text) / "layers" / "vectord" / "vectord").is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not a checkout of vectord")
    return Path(text)


def _sizes(options: argparse.Namespace) -> Sizes:
    default = _QUICK if options.quick else Sizes()
    return Sizes(
        options.batches or default.batches,
        default.batch,
        default.adds,
        timed_adds=options.adds or default.timed_adds,
        others_adds=min(options.adds or default.others_adds, default.others_adds),
        searches=default.searches,
        cold=options.cold or default.cold,
    )


def _measure(options: argparse.Namespace, folder: Path) -> None:
    sizes = _sizes(options)
    with console.step("data", f"{sizes.all:,} rows") as step:
        data = vectors(options.data, sizes.all, sizes.searches, 0)
        step.note = data.about
    np.save(folder / "rows.npy", data.base)
    changes = f"{sizes.adds} adds of {sizes.add}, patches of {sizes.patched:.0%}, deletes of {sizes.deleted:.0%}"
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    facts = dict(machine())
    found = InUse(date, facts, data.about, data.base.shape[1], sizes.loaded, sizes.batch, changes)
    participants = chosen(options.before, not options.alone)
    with stand_in(folder) as store, ExitStack() as stack:
        sides = [stack.enter_context(running(one, store, folder, one.file)) for one in participants]
        found.sides = [_load(side, sizes) for side in sides]
        _in_states(sides, found, data, sizes)
        write(found, options.results)  # the adds take long, and may be interrupted
        for side, figures in zip(sides, found.sides, strict=True):
            _timed_adds(side, figures, sizes)
    write(found, options.results)
    page.show(found)
    if not (options.quick or options.batches):
        _publish(found)


def _publish(found: InUse) -> None:
    page.publish(found)
    try:
        from bench.use import plot  # noqa: PLC0415  matplotlib may not be installed
    except ModuleNotFoundError as missing:
        print(f"  no plot: {missing.name} is not installed")
        return
    plot.draw(found, DOCS)
    print("  docs/benchmark.md and its picture have these figures now")


def _load(side: Running, sizes: Sizes) -> Side:
    """Load an index in batches. Its compaction, which waits for the end of the load anyway, does not start."""
    create, load = _load_commands(sizes)
    side.invocations.pause()
    with console.step("load", side.participant.name) as step:
        side.store.limited(linked=True)
        side.store.link.take()
        taken = _change(side, create, load)
        figures = Load(sum(taken), side.store.link.take().sent)
        step.note = f"{figures.seconds:.1f} s, {figures.sent / 1e6:,.0f} MB sent"
    return Side(side.participant.name, side.participant.ours, figures, list(map(str, side.participant.efforts)))


def _build(side: Running, load: Load) -> None:
    """Let the build run that follows a load."""
    with console.step("build", side.participant.name) as step:
        side.store.limited(linked=True)
        side.store.link.take()
        taken = sum(_change(side, {"do": "build"}))
        started = time.monotonic()
        side.invocations.resume()
        side.invocations.settle()
        side.invocations.pause()
        load.built_seconds, load.sent_after = taken + time.monotonic() - started, side.store.link.take().sent
        step.note = f"{load.sent_after / 1e6:,.0f} MB sent"


def _load_commands(sizes: Sizes) -> list[dict[str, Any]]:
    return [{"do": "create"}, {"do": "add", "first": 0, "size": sizes.batch, "count": sizes.batches}]


def _in_states(sides: Sequence[Running], found: InUse, data: Vectors, sizes: Sizes) -> None:
    """Measure the loaded indexes, build them, change them, and measure them again before the next build."""
    rows = Queries.over(data.base, data.queries, np.arange(sizes.loaded))
    with console.step("loaded", "cold and warm searches"):
        loaded = measure("loaded", sides, rows, sizes.cold, warm_up=True)
    for side, figures in zip(sides, found.sides, strict=True):
        _build(side, figures.load)
    with console.step("just built", "cold and warm searches"):
        built = measure("just built", sides, rows, sizes.cold)
    rng = np.random.default_rng(_SEED)
    patched = rng.choice(sizes.used, int(sizes.patched * sizes.used), replace=False)
    deleted = rng.choice(sizes.used, int(sizes.deleted * sizes.used), replace=False)
    kept = np.setdiff1d(patched, deleted)
    for side in sides:
        side.store.limited(linked=True)
        with console.step("use", f"{side.participant.name}: {found.changes}"):
            _change(
                side,
                {"do": "add", "first": sizes.loaded, "size": sizes.add, "count": sizes.adds},
                {"do": "patch", "batches": [part.tolist() for part in np.array_split(kept, _CHANGES)]},
                {"do": "delete", "batches": [part.tolist() for part in np.array_split(deleted, _CHANGES)]},
            )
    with console.step("in use", "cold and warm searches"):
        live = np.setdiff1d(np.arange(sizes.used), deleted)
        used = measure("in use", sides, Queries.over(data.base, data.queries, live), sizes.cold)
    for figures in found.sides:
        states = (loaded[figures.name], built[figures.name], used[figures.name])
        figures.states = {state.name: state for state in states}


def _timed_adds(side: Running, figures: Side, sizes: Sizes) -> None:
    """Time adds over the link while the compact function runs."""
    if side.participant.ours:
        calls = baseline.copy_calls(side.store, side.key)
        figures.bare_calls = calls.seconds if calls else 0.0
    side.invocations.resume()
    side.store.limited(linked=True)
    count = sizes.timed_adds if side.participant.name == "vectord" else sizes.others_adds
    with console.step("adds", f"{side.participant.name}: {count} of {sizes.add}"):
        side.store.link.take()
        taken = _change(side, {"do": "add", "first": sizes.used, "size": sizes.add, "count": count})
        sent = side.store.link.take().sent
    times = Times(np.array(taken))
    figures.adds = Adds(len(taken), times.p50, times.p99, max(taken), sent / len(taken))
    side.invocations.forget()
    side.invocations.pause()
    figures.compactions = [f"{one['outcome']} in {one['seconds']:.1f} s" for one in side.outcomes]


def _change(side: Running, *commands: dict[str, Any]) -> list[float]:
    """Make changes in a new process; return the seconds of each change of the last command."""
    rows = str(side.folder.parent / "rows.npy")
    seconds: list[float] = []
    with side.run("bench.use.changing", most_seconds=_CHANGING_SECONDS, rows=rows) as process:
        process.receive("ready")
        for command in commands:
            process.send(**command)
            seconds = process.receive("done").facts["seconds"]
        process.finish()
        process.receive("end")
    return seconds


if __name__ == "__main__":
    raise SystemExit(main())
