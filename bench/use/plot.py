"""Draw an index in use: `python -m bench.use.plot [RESULTS]` writes the picture and the figures into docs/."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from matplotlib import pyplot as plt

from bench.peers import plot
from bench.peers.results import DOCS
from bench.use import page
from bench.use.figures import RESULTS, InUse, Side, read
from bench.use.measuring import Cold

_SIZE: Final = (9.0, 3.2)  # inches
_MB: Final = 1_000_000
_WIDTH: Final = 0.8  # of a group of bars


def draw(found: InUse, folder: Path) -> Path:
    """Write the picture into a folder and return its path."""
    figure, (seconds, read_mb, sent) = plt.subplots(1, 3, figsize=_SIZE, width_ratios=(2, 2, 1))
    _states(seconds, found, "cold first answer, s", lambda cold: cold.median)
    _states(read_mb, found, "MB read by it", lambda cold: cold.received / _MB)
    names = [side.name for side in found.sides]
    ratios = [(side.load.sent + side.load.sent_after) / found.raw for side in found.sides]
    bars = sent.bar(names, ratios, color=_colours(found.sides))
    sent.bar_label(bars, fmt="%.1f", fontsize=7)
    sent.set_title("bytes sent by the load / raw", fontsize=9)
    sent.tick_params(axis="x", labelsize=7)
    seconds.legend(frameon=False, fontsize=7)
    figure.suptitle(f"an index in use: {found.rows:,} x {found.dimension} in batches of {found.batch:,}, {found.date}")
    figure.tight_layout()
    path = folder / page.PICTURE
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
    return path


def _states(axes: Any, found: InUse, title: str, value: Any) -> None:
    """Draw a group of bars for each state, with the first effort of each participant."""
    width = _WIDTH / len(found.sides)
    states = list(found.sides[0].states)
    for number, (side, colour) in enumerate(zip(found.sides, _colours(found.sides), strict=True)):
        colds: list[Cold] = [side.states[name].cold[0] for name in states]
        places = [place + (number + 0.5) * width - _WIDTH / 2 for place in range(len(states))]
        bars = axes.bar(places, list(map(value, colds)), width, color=colour, label=side.name)
        axes.bar_label(bars, fmt="%.2f", fontsize=7)
    axes.set_xticks(range(len(states)), states)
    axes.set_title(title, fontsize=9)


def _colours(sides: Sequence[Side]) -> list[str]:
    others = iter(("#8d99ae", "#457b9d", "#bbbbbb"))
    return [plot.OURS if side.name == "vectord" else next(others) for side in sides]


def main() -> None:
    """Write the figures and the picture of the latest run, or of the file that the command line names."""
    found = read(Path(sys.argv[1]) if sys.argv[1:] else RESULTS)
    page.publish(found)
    print(draw(found, DOCS))


if __name__ == "__main__":
    main()
