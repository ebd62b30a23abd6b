"""Print the figures of an index in use, and write them into docs/benchmark.md."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench import markdown
from bench.peers.results import DOCS
from bench.use.figures import InUse, Side
from bench.use.measuring import State
from tools.command.console import table

START, END = "<!-- in use -->\n", "<!-- end of in use -->\n"
PICTURE: Final = "benchmark-use.svg"  # plot.py draws it
_TITLE: Final = "An index in use: cold answers, bytes read, and bytes sent by the load"
_MB: Final = 1_000_000

type Row = Sequence[str]
type Table = tuple[Row, Sequence[Row]]


def show(found: InUse) -> None:
    """Print all tables."""
    for heads, rows in tables(found):
        table(tuple(heads), [tuple(cell.replace("*", "") for cell in row) for row in rows])
    for note in notes(found):
        print(f"  {note}")


def publish(found: InUse) -> None:
    """Replace the figures in the page."""
    write(found, DOCS / "benchmark.md")


def write(found: InUse, page: Path) -> None:
    """Replace the text between the markers of a page."""
    markdown.replace_between(page, START, END, figures(found))


def figures(found: InUse) -> str:
    """Return the figures in Markdown."""
    facts = "; ".join(f"{name}: {value}" for name, value in found.machine.items())
    about = f"{found.date}, {found.rows:,} x {found.dimension} ({found.data}), then {found.changes}. {facts}."
    listed = [f"- {note}" for note in notes(found)]
    shown = [markdown.table(*one) for one in tables(found)]
    return "\n".join([about, "", *shown, *listed, "", f"![{_TITLE}]({PICTURE})", ""])


def tables(found: InUse) -> list[Table]:
    """Return the tables: searches of each state, the load, and the adds."""
    return [_searches(found), _loads(found), _adds(found)]


def notes(found: InUse) -> list[str]:
    """Return what the tables do not say: compactions, and the cost of the stand-in's calls."""
    ours = [side for side in found.sides if side.ours]
    compactions = [f"{side.name}: compactions {', '.join(side.compactions) or 'none'}." for side in ours]
    bare = [
        f"{side.name}: the bare calls of an add take {side.bare_calls:.2f} s of the stand-in; without them the median "
        f"add takes {side.adds.p50 - side.bare_calls:.2f} s."
        for side in ours
        if side.adds and side.bare_calls
    ]
    return [*compactions, *bare]


def _searches(found: InUse) -> Table:
    heads = (
        "",
        "effort",
        "state",
        "MB",
        "cold, s",
        "of just built",
        "MB read",
        "of just built",
        "requests",
        "recall@10",
    )
    rows = [
        _state(side, state, position)
        for side in found.sides
        for position in range(len(side.efforts))
        for state in side.states.values()
    ]
    return (*heads, "warm p50, ms", "recall@10"), rows


def _state(side: Side, state: State, position: int) -> Row:
    cold, warm = state.cold[position], state.warm[position]
    built = side.states["just built"].cold[position]
    return (
        _name(side),
        side.efforts[position],
        state.name,
        f"{state.size / _MB:.0f}",
        f"{cold.median:.2f}",
        f"{cold.median / built.median:.2f}",
        f"{cold.received / _MB:.2f}",
        f"{cold.received / built.received:.2f}",
        f"{cold.requests:.0f}",
        f"{cold.recall:.3f}",
        f"{warm.p50:.2f}",
        f"{warm.recall:.3f}",
    )


def _loads(found: InUse) -> Table:
    heads = ("load in batches", "s", "rows/s", "MB sent", "MB sent by builds after it", "sent / raw", "s until built")
    rows = []
    for side in found.sides:
        load = side.load
        sent = (load.sent + load.sent_after) / found.raw
        shown = (load.seconds, found.rows / load.seconds, load.sent / _MB, load.sent_after / _MB, sent)
        rows.append((_name(side), *(f"{value:,.1f}" for value in shown), f"{load.built_seconds:.1f}"))
    return heads, rows


def _adds(found: InUse) -> Table:
    heads = (
        "adds of 100, builds beside them",
        "adds",
        "p50, s",
        "p99, s",
        "longest, s",
        "p99 / p50",
        "MB sent by each",
    )
    rows = [
        (
            _name(side),
            str(adds.count),
            *(f"{value:.2f}" for value in (adds.p50, adds.p99, adds.worst, adds.p99 / adds.p50)),
            f"{adds.sent / _MB:.2f}",
        )
        for side in found.sides
        if (adds := side.adds)
    ]
    return heads, rows


def _name(side: Side) -> str:
    return f"**{side.name}**" if side.ours else side.name
