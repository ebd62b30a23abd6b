"""The demo's data set: operations of the AWS APIs with embeddings of their descriptions, and 20 questions."""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tools.command.paths import EXAMPLES
from tools.stack.client import Json, encode

type Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Dataset:
    """`vectors` has a float32 row for each of `ids` and `metadata`, `queries` one for each of `questions`."""

    ids: list[str]
    metadata: list[Json]
    vectors: Matrix
    questions: list[str]
    queries: Matrix

    def batches(self, stop: int, size: int) -> Iterator[list[Json]]:
        """Yield the vectors before row `stop` as request bodies have them, `size` at a time."""
        for start in range(0, stop, size):
            yield [self._vector(row) for row in range(start, min(start + size, stop))]

    def file(self, start: int) -> bytes:
        """Return the vectors from row `start` on as a .jsonl.gz file."""
        lines = (json.dumps(self._vector(row)) + "\n" for row in range(start, len(self.ids)))
        return gzip.compress("".join(lines).encode())

    def recall(self, answers: Sequence[Sequence[str]]) -> float:
        """Return the share of true nearest neighbours in the answers, by exact search; ties count as true."""
        exact = 1.0 - _unit(self.queries) @ _unit(self.vectors).T
        row_of = {identifier: row for row, identifier in enumerate(self.ids)}
        found = 0
        for distances, ids in zip(exact, answers, strict=True):
            farthest = np.partition(distances, len(ids) - 1)[len(ids) - 1] + 1e-6
            found += sum(bool(distances[row_of[identifier]] <= farthest) for identifier in set(ids))
        return found / sum(map(len, answers))

    def _vector(self, row: int) -> Json:
        return {"id": self.ids[row], "vector": encode(self.vectors[row]), "metadata": self.metadata[row]}


def load() -> Dataset:
    """Read the data set from examples/."""
    with np.load(EXAMPLES / "aws_operations.npz") as file:
        described = zip(file["service"].tolist(), file["verb"].tolist(), strict=True)
        return Dataset(
            ids=file["ids"].tolist(),
            metadata=[{"service": service, "verb": verb} for service, verb in described],
            vectors=file["vectors"].astype(np.float32),
            questions=file["queries"].tolist(),
            queries=file["query_vectors"].astype(np.float32),
        )


def _unit(vectors: Matrix) -> Matrix:
    unit: Matrix = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
