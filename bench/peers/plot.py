"""Draw the comparison: `python -m bench.peers.plot [RESULTS]` writes the pictures and the figures in docs/."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

from bench.peers import page
from bench.peers.results import DOCS, RESULTS, Comparison, Side, read

mpl.use("svg")
mpl.rcParams.update(
    {
        "svg.hashsalt": "vectord",
        "svg.fonttype": "none",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)

OURS, _MB = "#c1121f", 1_000_000
_SIZE = (7.5, 4.2)  # inches


def draw(found: Comparison, folder: Path) -> list[Path]:
    """Write the three pictures into a folder and return their paths."""
    about = f"{found.rows:,} x {found.dimension}, {found.date}"
    drawn = {
        "benchmark-warm.svg": _warm(found, about),
        "benchmark-cold.svg": _bars(found, "cold", f"cold first answer: {about}", "received"),
        "benchmark-add.svg": _bars(found, "add", f"durable add of 100: {about}", "sent"),
    }
    for name, figure in drawn.items():
        figure.savefig(folder / name, metadata={"Date": None}, bbox_inches="tight")
        plt.close(figure)
    return [folder / name for name in drawn]


def _warm(found: Comparison, about: str) -> Any:
    figure, axes = plt.subplots(figsize=_SIZE)
    for number, side in enumerate(found.sides):
        points = sorted(side.warm, key=lambda point: point.recall)
        colour = OURS if side.ours else f"C{number}"
        style = {"linewidth": 2.5, "zorder": 3} if side.ours else {"linewidth": 1.0}
        x, y = [point.recall for point in points], [point.p50 for point in points]
        axes.plot(x, y, marker="o" if side.ours else ".", color=colour, label=side.name, **style)
    axes.set(xlabel="recall@10", ylabel="p50, ms (log)", yscale="log", title=f"warm engine, one thread: {about}")
    axes.set_xlim(left=max(0.8, axes.get_xlim()[0]))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, ncols=2)
    return figure


def _bars(found: Comparison, what: str, title: str, moved: str) -> Any:
    sides = sorted(found.sides, key=lambda side: side.remote[what].median, reverse=True)
    figure, (left, right) = plt.subplots(1, 2, sharey=True, figsize=_SIZE)
    _bar(left, sides, [side.remote[what].median for side in sides], "s")
    _bar(right, sides, [getattr(side.remote[what].traffic, moved) / _MB for side in sides], f"MB {moved}")
    figure.suptitle(f"{title}, link of 75 MB/s and 25 ms a request", fontsize=10)
    return figure


def _bar(axes: Any, sides: Sequence[Side], values: Sequence[float], label: str) -> None:
    colours = [OURS if side.ours else "#8d99ae" for side in sides]
    bars = axes.barh([side.name for side in sides], values, color=colours)
    axes.bar_label(bars, labels=[f"{value:.2f}" for value in values], padding=2, fontsize=8)
    axes.margins(x=0.18)
    axes.set_xlabel(label)


def main() -> None:
    """Write figures and pictures of the results that the command line names, or of the latest run, into docs/."""
    found = read(Path(sys.argv[1]) if sys.argv[1:] else RESULTS)
    page.write(found, DOCS / "benchmark.md")
    for path in draw(found, DOCS):
        print(path)


if __name__ == "__main__":
    main()
