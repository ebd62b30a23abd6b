"""One run's means: data on disk, the stand-in, and processes to measure."""

import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.peers.adapters.peer import F32
from bench.peers.participants import Entry
from bench.peers.process import Child, child
from bench.peers.vectors import Vectors
from bench.s3.stand_in import BUCKET, StandIn

BATCH = 100
BUILD_THREADS = 2


@dataclass(frozen=True)
class Trial:
    """Vectors, which `folder` holds as .npy files too, and the stand-in that all sides meet."""

    vectors: Vectors
    store: StandIn
    folder: Path

    def save(self) -> None:
        for name in ("base", "queries", "batch"):
            np.save(self.folder / f"{name}.npy", getattr(self.vectors, name))

    def run(
        self,
        entry: Entry,
        verb: str,
        endpoint: str,
        threads: int | None = None,
        **more: Any,
    ) -> AbstractContextManager[Child]:
        """Start a process that does `verb` for a side, whose bucket is behind `endpoint`."""
        home = self.folder / entry.file
        home.mkdir(exist_ok=True)
        module, kind = entry.role(verb)
        plan = {
            "verb": verb,
            "module": module,
            "kind": kind.format(dimension=self.vectors.base.shape[1]),
            "place": {
                "endpoint": endpoint,
                "bucket": BUCKET,
                "name": entry.file,
                "folder": str(home),
                "threads": BUILD_THREADS,
            },
            **more,
        }
        return child(plan, self.folder, threads)

    def query(self, number: int) -> str:
        query: F32 = self.vectors.queries[number % len(self.vectors.queries)]
        return query.tobytes().hex()

    def recall(self, number: int, found: list[int]) -> float:
        number %= len(self.vectors.queries)
        return self.vectors.true.recall(self.vectors.base, number, np.array(found, np.int64))


def unbuffered() -> None:
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
