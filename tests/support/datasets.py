"""Random vectors with the properties of real data: topics, spectra that decay, clusters, duplicates, word counts."""

from collections.abc import Callable

import numpy as np

from tests.support.vectors import F32

Draw = Callable[[np.random.Generator, int], F32]  # a random generator and a number of rows to vectors


def gaussian(rows: int, dimension: int, seed: int = 1) -> F32:
    """Return independent standard normal components."""
    return np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32)


def decaying(rows: int, dimension: int, seed: int = 1, exponent: float = 0.5) -> F32:
    """Return normal components whose weight decays with their number."""
    return gaussian(rows, dimension, seed) * np.arange(1, dimension + 1, dtype=np.float32) ** np.float32(-exponent)


def mixture(
    dimension: int, clusters: int, spread: float = 1.0, *, exponent: float = 0.0, separation: float = 1.0
) -> Draw:
    """Draw from round clusters; `separation` is between their centres, `exponent` lets the components decay."""
    centres = separation * np.random.default_rng(1).standard_normal((clusters, dimension))
    weights = np.arange(1, dimension + 1) ** -exponent

    def draw(rng: np.random.Generator, rows: int) -> F32:
        drawn = centres[rng.integers(0, clusters, rows)] + spread * rng.standard_normal((rows, dimension))
        return (drawn * weights).astype(np.float32)

    return draw


def textlike(dimension: int) -> Draw:
    """Draw around 60 topics with components that decay, as embeddings of text do."""
    return mixture(dimension, 60, exponent=0.6, separation=2.0)


def repeated(dimension: int) -> Draw:
    """Draw from only 700 different vectors."""
    few = textlike(dimension)(np.random.default_rng(2), 700)

    def draw(rng: np.random.Generator, rows: int) -> F32:
        return few[rng.integers(0, len(few), rows)]

    return draw


def one_hot(dimension: int) -> Draw:
    """Draw vectors with five components set, as in word counts: most distances are equal."""

    def draw(rng: np.random.Generator, rows: int) -> F32:
        drawn = np.zeros((rows, dimension), np.float32)
        drawn[np.arange(rows)[:, None], rng.integers(0, dimension, (rows, 5))] = 1
        return drawn

    return draw
