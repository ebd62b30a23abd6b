"""Print the figures of searches by words, and write them into docs/benchmark.md."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench import markdown
from bench.peers.results import DOCS
from bench.text.figures import Check, LibraryFigures, Quality, TextStudy
from tools.command.console import table

START, END = "<!-- text -->\n", "<!-- end of text -->\n"
PICTURE: Final = "benchmark-text.svg"  # plot.py draws it
_TITLE: Final = "Searches by words: seconds of a build, bytes of the index, and milliseconds of a search"

type Row = Sequence[str]
type Table = tuple[Row, Sequence[Row]]


def show(found: TextStudy) -> None:
    """Print all tables, the notes, and what misses its limit."""
    print(f"\n{_about(found)}")
    for heads, rows in tables(found):
        table(tuple(heads), [tuple(cell.replace("*", "") for cell in row) for row in rows])
    for note in [*found.notes, verdict(found)]:
        print(f"  {note}")


def publish(found: TextStudy) -> None:
    """Replace the figures in the page."""
    write(found, DOCS / "benchmark.md")


def write(found: TextStudy, page: Path) -> None:
    """Replace the text between the markers of a page."""
    markdown.replace_between(page, START, END, figures(found))


def figures(found: TextStudy) -> str:
    """Return the figures in Markdown."""
    facts = "; ".join(f"{name}: {value}" for name, value in found.machine.items())
    shown = [markdown.table(*one) for one in tables(found)]
    listed = [f"- {note}" for note in [*found.notes, verdict(found)]]
    return "\n".join([f"{_about(found)} {facts}.", "", *shown, *listed, "", f"![{_TITLE}]({PICTURE})", ""])


def verdict(found: TextStudy) -> str:
    """Return which figures miss their limits."""
    missed = [check.name for check in found.missed]
    return f"Beyond its limit: {'; '.join(missed)}." if missed else "All figures are within their limits."


def tables(found: TextStudy) -> list[Table]:
    """Return the tables that have rows: the libraries, vectord alone, and the quality."""
    heads = ("", "build, s of CPU", "s", "bytes / text", "p50, ms", "p99, ms", "overlap@10 with the oracle")
    alone = ("vectord alone", "", "limit", "", "note")
    judged = ("nDCG@10", "documents", "queries", "vector", "words", "hybrid")
    shown = [
        (heads, list(map(_library, found.libraries))),
        (alone, list(map(_check, found.checks))),
        (judged, list(map(_quality, found.qualities))),
    ]
    return [(head, rows) for head, rows in shown if rows]


def _about(found: TextStudy) -> str:
    return (
        f"{found.date}, {found.passages:,} passages, {found.bytes / 1e6:.1f} MB ({found.corpus}), "
        f"{found.queries} queries of 2 to 4 words."
    )


def _library(one: LibraryFigures) -> Row:
    return (
        f"**{one.name}**" if one.ours else one.name,
        *(f"{one.cpu:.1f}", f"{one.wall:.1f}", f"{one.size:.3f}"),
        *(f"{one.p50:.2f}", f"{one.p99:.2f}", f"{one.overlap:.3f}"),
    )


def _check(one: Check) -> Row:
    limit = "" if one.limit is None else f"{'≥' if one.at_least else '≤'} {one.limit:g}"
    verdict = "" if one.limit is None else "yes" if one.holds else "NO"
    return one.name, f"{_number(one.value)} {one.unit}".strip(), limit, verdict, one.note


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.3f}" if abs(value) < 1 else f"{value:.1f}"


def _quality(one: Quality) -> Row:
    scores = ("none" if score is None else f"{score:.3f}" for score in (one.vector, one.words, one.hybrid))
    return one.collection, f"{one.documents:,}", str(one.queries), *scores
