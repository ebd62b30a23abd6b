"""One run of the reliability tests: its seed, its size, and the figures that it ends with."""

import os
import secrets
from collections import Counter
from random import Random

SEED = int(os.environ.get("VECTORD_SEED") or secrets.randbelow(1 << 32))
LONG = bool(os.environ.get("VECTORD_RELIABILITY_LONG"))

_figures: Counter[str] = Counter()
_most: dict[str, float] = {}


def figure(name: str, value: int = 1) -> None:
    """Add to a figure of this run."""
    _figures[name] += value


def most(name: str, value: float) -> None:
    """Keep the largest of a figure of this run."""
    _most[name] = max(value, _most.get(name, value))


def least(name: str, value: float) -> None:
    """Keep the smallest of a figure of this run."""
    _most[name] = min(value, _most.get(name, value))


def chance(*parts: object) -> Random:
    """Return chance of its own for one part of a test, the same in every run of a seed."""
    return Random("/".join(map(str, (SEED, *parts))))


def figures() -> list[str]:
    sums = [f"{name}: {value:,}" for name, value in sorted(_figures.items())]
    return sums + [f"{name}: {value:.3f}" for name, value in sorted(_most.items())]
