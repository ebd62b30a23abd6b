"""Draw searches by words: `python -m bench.text.plot [RESULTS]` writes the picture and the figures into docs/."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from matplotlib import pyplot as plt

from bench.peers import plot
from bench.peers.results import DOCS
from bench.text import page
from bench.text.figures import RESULTS, TextStudy, read

_SIZE: Final = (9.0, 2.8)  # inches


def draw(found: TextStudy, folder: Path) -> Path:
    """Write the picture into a folder and return its path."""
    figure, axes = plt.subplots(1, 3, figsize=_SIZE)
    _bars(axes[0], found, "build, s of CPU", [one.cpu for one in found.libraries])
    _bars(axes[1], found, "bytes of the index / text", [one.size for one in found.libraries])
    _bars(axes[2], found, "warm search, p50 ms (logarithmic)", [one.p50 for one in found.libraries])
    axes[2].set_xscale("log")
    figure.suptitle(f"searches by words: {found.passages:,} passages, {found.date}")
    figure.tight_layout()
    path = folder / page.PICTURE
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)
    return path


def _bars(axes: Any, found: TextStudy, title: str, values: Sequence[float]) -> None:
    colours = [plot.OURS if one.ours else "#8d99ae" for one in found.libraries]
    bars = axes.barh([one.name for one in found.libraries], values, color=colours)
    axes.bar_label(bars, fmt="%.2f", fontsize=7, padding=2)
    axes.invert_yaxis()
    axes.set_title(title, fontsize=9)
    axes.tick_params(labelsize=7)
    axes.margins(x=0.2)


def main() -> None:
    """Write the figures and the picture of the latest run, or of the file that the command line names."""
    found = read(Path(sys.argv[1]) if sys.argv[1:] else RESULTS)
    page.publish(found)
    print(draw(found, DOCS))


if __name__ == "__main__":
    main()
