"""Measure an index in use: loaded in batches, built, added to, patched and deleted from, over the link.

`python bench/run.py use [--before CHECKOUT] [--quick]`. The compact function runs in a process of its own. States:

loaded      after the load, before its build
just built  after the build that follows the load
in use      after more adds, patches and deletes, before the next build
"""

import argparse
import datetime
import time
from collections.abc import Mapping, Sequence
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
from bench.s3.stand_in import StandIn, stand_in
from bench.use import page
from bench.use.figures import RESULTS, Adds, InUse, Load, Side, write
from bench.use.measuring import Queries, State, measure
from bench.use.participants import Participant, Running, chosen, running
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
    patched: float = 0.01
    deleted: float = 0.05
    searches: int = 200
    cold: int = 10

    @property
    def loaded(self) -> int:
        return self.batches * self.batch

    @property
    def used(self) -> int:
        return self.loaded + self.adds * self.add

    @property
    def all(self) -> int:
        return self.used + self.timed_adds * self.add


_QUICK = Sizes(batches=5, batch=1_000, adds=5, timed_adds=5, searches=20, cold=2)


def main() -> int:
    unbuffered()
    parser = argparse.ArgumentParser(prog="bench/run.py use", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, help="an .npz file as for the comparison; default: synthetic vectors")
    parser.add_argument("--before", type=Path, help="another checkout, whose functions are measured beside these")
    parser.add_argument("--alone", action="store_true", help="without peers")
    parser.add_argument("--quick", action="store_true", help="few rows and runs: a test that everything works")
    parser.add_argument("--batches", type=int, help="batches of the load; default: 35 of 2,000")
    parser.add_argument("--adds", type=int, help="adds of 100 that are timed; default: 200")
    parser.add_argument("--cold", type=int, help="cold searches for each state and effort; default: 10")
    parser.add_argument("--results", type=Path, default=RESULTS, help="JSON file for the figures")
    options = parser.parse_args()
    if options.quick and options.results == RESULTS:
        options.results = RESULTS.with_name("use-quick.json")
    return run_tool(lambda folder: _measure(options, folder))


def _sizes(options: argparse.Namespace) -> Sizes:
    default = _QUICK if options.quick else Sizes()
    return Sizes(
        options.batches or default.batches,
        default.batch,
        default.adds,
        timed_adds=options.adds or default.timed_adds,
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
    with stand_in(folder) as store:
        states = _loaded(participants, store, folder, data, sizes)
        with ExitStack() as stack:
            sides = [stack.enter_context(running(one, store, folder, one.file)) for one in participants]
            found.sides = [_load(side, sizes) for side in sides]
            _in_states(sides, found, data, sizes, states)
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


def _loaded(
    participants: Sequence[Participant], store: StandIn, folder: Path, data: Vectors, sizes: Sizes
) -> Mapping[str, State]:
    """Measure the state after a load whose builds have not started."""
    with ExitStack() as stack:
        sides = [stack.enter_context(running(one, store, folder, f"{one.file}-loaded")) for one in participants]
        for side in sides:
            side.invocations.pause()
            with console.step("load", f"{side.participant.name}, without its builds"):
                _change(side, *_load_commands(sizes))
        with console.step("loaded", "cold and warm searches"):
            queries = Queries.over(data.base, data.queries, np.arange(sizes.loaded))
            states = measure("loaded", sides, queries, sizes.cold)
        for side in sides:
            side.invocations.forget()
    return states


def _load(side: Running, sizes: Sizes) -> Side:
    """Load an index in batches while its compact function is running, and let it finish."""
    create, load = _load_commands(sizes)
    with console.step("load", side.participant.name) as step:
        side.store.limited(linked=True)
        side.store.link.take()
        taken = _change(side, create, load)
        sent = side.store.link.take().sent
        ended = time.monotonic()
        _change(side, {"do": "build"})
        side.invocations.settle()
        figures = Load(sum(taken), sent, time.monotonic() - ended, side.store.link.take().sent)
        step.note = f"{figures.seconds:.1f} s, {(figures.sent + figures.sent_after) / 1e6:,.0f} MB sent"
    return Side(side.participant.name, side.participant.ours, figures, list(map(str, side.participant.efforts)))


def _load_commands(sizes: Sizes) -> list[dict[str, Any]]:
    return [{"do": "create"}, {"do": "add", "first": 0, "size": sizes.batch, "count": sizes.batches}]


def _in_states(
    sides: Sequence[Running], found: InUse, data: Vectors, sizes: Sizes, loaded: Mapping[str, State]
) -> None:
    """Measure the built indexes, change them, and measure them again before a build."""
    with console.step("just built", "cold and warm searches"):
        built = measure("just built", sides, Queries.over(data.base, data.queries, np.arange(sizes.loaded)), sizes.cold)
    rng = np.random.default_rng(_SEED)
    patched = rng.choice(sizes.used, int(sizes.patched * sizes.used), replace=False)
    deleted = rng.choice(sizes.used, int(sizes.deleted * sizes.used), replace=False)
    kept = np.setdiff1d(patched, deleted)
    for side in sides:
        side.invocations.pause()
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
    with console.step("adds", f"{side.participant.name}: {sizes.timed_adds} of {sizes.add}"):
        side.store.link.take()
        taken = _change(side, {"do": "add", "first": sizes.used, "size": sizes.add, "count": sizes.timed_adds})
        sent = side.store.link.take().sent
    times = Times(np.array(taken))
    figures.adds = Adds(times.p50, times.p99, max(taken), sent / len(taken))
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
