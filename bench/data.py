"""The data sets of the benchmarks, and their true nearest neighbours."""

from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from tools.command.paths import EXAMPLES
from vectord.index.kernels.distance import F32, F64
from vectord.index.rows import Rows

K = 10
SEED = 20_240_229

_CLUSTERS = 256
_CHUNK = 8_192  # rows at a time: limits the memory of copies


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows to search under cosine distance, and queries of shape (n, dimension) that are not among them."""

    name: str
    about: str
    rows: Rows
    queries: F32

    @property
    def dimension(self) -> int:
        return int(self.queries.shape[1])

    @property
    def shape(self) -> str:
        return f"{len(self.rows):,} x {self.dimension}, {len(self.queries)} queries"


def demo() -> Dataset:
    """Return the text embeddings in examples/: operations of AWS APIs."""
    with np.load(EXAMPLES / "aws_operations.npz") as file:
        ids: list[str] = file["ids"].tolist()
        pairs = zip(file["service"].tolist(), file["verb"].tolist(), strict=True)
        vectors, queries = file["vectors"].astype(np.float32), file["query_vectors"].astype(np.float32)
    metadata = [{"service": service, "verb": verb} for service, verb in pairs]
    rows = Rows(ids, vectors, dict(zip(ids, map(_raw, metadata), strict=True)))
    return Dataset("demo", "examples/aws_operations.npz", rows, queries)


def synthetic(rows: int, dimension: int = 384, queries: int = 500) -> Dataset:
    """Return a mixture of Gaussians with a decaying spectrum, and held-out queries from the same mixture.

    Clusters, their width and the decay are chosen so that Annoy has the same recall on 100,000 x 384 as on real text
    embeddings: with 10 trees and search_k 1,000 / 10,000 / 22,000 recall@10 is 0.63 / 0.91 / 0.96.
    """
    vectors = mixture(rows + queries, dimension)
    ids = [f"row-{row:06}" for row in range(rows)]
    metadata = {vector_id: _raw({"row": row}) for row, vector_id in enumerate(ids)}
    about = f"a mixture of {_CLUSTERS} Gaussians with a decaying spectrum, seed {SEED}"
    return Dataset("synthetic", about, Rows(ids, vectors[:rows], metadata), vectors[rows:])


def mixture(count: int, dimension: int) -> F32:
    """Return `count` vectors, the same in every run."""
    rng = np.random.default_rng(SEED)
    deviation: F32 = (np.arange(1, dimension + 1) ** -0.5).astype(np.float32)
    rotation: F32 = np.linalg.qr(rng.standard_normal((dimension, dimension)))[0].astype(np.float32)
    centres: F32 = rng.standard_normal((_CLUSTERS, dimension), np.float32)
    mixed: F32 = rng.standard_normal((count, dimension), np.float32)
    cluster = rng.integers(_CLUSTERS, size=count)
    for start in range(0, count, _CHUNK):
        block = mixed[start : start + _CHUNK]
        block += centres[cluster[start : start + _CHUNK]]
        block *= deviation
        block[...] = block @ rotation
    return mixed


@dataclass(frozen=True, slots=True)
class Truth:
    """For each query the cosine of its true tenth neighbour, from a float64 scan of all rows."""

    queries: F64
    tenth: F64

    def recall(self, vectors: F32, query: int, found: npt.NDArray[np.int64]) -> float:
        """Return recall@10 of rows `found` for one query; rows that tie with the tenth count as true."""
        cosines = unit(vectors[found]) @ self.queries[query]
        return min(K, int((cosines >= self.tenth[query] - 1e-12).sum())) / K


def truth(vectors: F32, queries: F32) -> Truth:
    """Scan all rows in float64 for the true tenth neighbour of each query."""
    wide = unit(queries)
    best = np.full((len(queries), K), -np.inf)
    for start in range(0, len(vectors), _CHUNK):
        cosines = wide @ unit(vectors[start : start + _CHUNK]).T
        best = np.partition(np.hstack([best, cosines]), -K, axis=1)[:, -K:]
    return Truth(wide, best.min(axis=1))


def unit(vectors: F32) -> F64:
    """Return the vectors divided by their norms."""
    wide = vectors.astype(np.float64)
    scaled: F64 = wide / np.linalg.norm(wide, axis=1)[:, None]
    return scaled


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
