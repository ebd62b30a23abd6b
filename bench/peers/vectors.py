"""The vectors of the comparison: from a file, or synthetic ones that are about as hard to search as text embeddings.

Synthetic rows are mixtures: three of the source's unit vectors with weights from a Dirichlet distribution that mostly
prefers one of them, and Gaussian noise with the source's covariance. The source is the demo's 6,340 text embeddings, or
a file with fewer rows than requested. The table has recall@10 on real text embeddings of 384 dimensions and on
synthetic rows: of 1-bit codes of all rows with 50 / 100 / 200 rescored, of annoy with 10 trees and search_k 1,000 /
10,000 / 22,000, and of Faiss IVF-SQ8 with 8 / 32 / 128 of 4 * sqrt(rows) lists:

    30,000 real       0.947 0.980 0.994    0.643 0.937 0.976    0.821 0.924 0.971
    30,000 synthetic  0.916 0.964 0.984    0.520 0.898 0.954    0.805 0.921 0.975
    99,000 real       0.956 0.985 0.994    0.63  0.90  0.953    not measured
    99,000 synthetic  0.947 0.977 0.993    0.480 0.848 0.922    0.937 0.968 0.982

Synthetic rows are a little harder than text for trees and codes, and many of them are easier for lists, which find
the source's vectors again. A file of your own vectors gives a more reliable result.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from bench.data import Truth, truth
from bench.peers.adapters.peer import F32
from tools.command.paths import EXAMPLES

_SEED: Final = 20_261_123
_ALPHA: Final = 0.5  # of the Dirichlet distribution
_NOISE: Final = 0.55
_QUERIES: Final = 500
_CHUNK: Final = 8_192


@dataclass(frozen=True, slots=True)
class Vectors:
    """Unit vectors to search, queries that are not among them, 100 to add, and the true answers."""

    about: str
    base: F32
    queries: F32
    batch: F32
    true: Truth

    @property
    def shape(self) -> str:
        return f"{len(self.base):,} x {self.base.shape[1]}"


def vectors(file: Path | None, rows: int, queries: int, added: int) -> Vectors:
    """Return `rows` vectors from `file` (`base` and `query`), completed with synthetic ones, or only synthetic ones."""
    base, asked, about = _of_file(file) if file else _of_demo()
    made = max(0, rows + added - len(base)) if file else rows + added + queries
    if made:
        more = mixtures(_unit(base), made)
        about += f", {made:,} of the rows are synthetic mixtures of them"
        base = np.concatenate([base, more]) if file else more
    if not file:
        base, asked = base[queries:], base[:queries]
    base, asked = _unit(base), _unit(asked[:queries])
    return Vectors(about, base[:rows], asked, base[rows : rows + added], truth(base[:rows], asked))


def mixtures(source: F32, count: int) -> F32:
    """Return `count` mixtures of the source's vectors, the same in every run."""
    rng = np.random.default_rng(_SEED)
    dimension = source.shape[1]
    spread = np.linalg.cholesky(np.cov(source.T) + 1e-7 * np.eye(dimension)).astype(np.float32)
    made: F32 = np.empty((count, dimension), np.float32)
    for start in range(0, count, _CHUNK):
        part = made[start : start + _CHUNK]
        chosen = rng.integers(len(source), size=(len(part), 3))
        weights = rng.dirichlet([_ALPHA] * 3, len(part)).astype(np.float32)
        part[:] = _unit(np.einsum("nk,nkd->nd", weights, source[chosen]))
        part += _NOISE * (rng.standard_normal(part.shape, np.float32) @ spread.T)
    return made


def _of_file(file: Path) -> tuple[F32, F32, str]:
    with np.load(file) as arrays:
        return arrays["base"].astype(np.float32), arrays["query"].astype(np.float32), "the rows of a file"


def _of_demo() -> tuple[F32, F32, str]:
    with np.load(EXAMPLES / "aws_operations.npz") as arrays:
        return arrays["vectors"].astype(np.float32), np.empty((0, 0), np.float32), "the demo's text embeddings"


def _unit(rows: F32) -> F32:
    norms: F32 = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / norms
