"""What one run of the comparison shares: the vectors on disk, the stand-in for S3, and the measured processes."""

import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.peers.adapters.peer import F32
from bench.peers.participants import Participant
from bench.peers.process import Child, child
from bench.peers.vectors import Vectors
from bench.s3.stand_in import BUCKET, StandIn

BATCH = 100
BUILD_THREADS = 2


@dataclass(frozen=True)
class Session:
    """The vectors, which are also .npy files in `folder`, and the stand-in that all participants use."""

    vectors: Vectors
    store: StandIn
    folder: Path

    def save(self) -> None:
        """Write the vectors into the folder."""
        for name in ("base", "queries", "batch"):
            np.save(self.folder / f"{name}.npy", getattr(self.vectors, name))

    def run(
        self,
        participant: Participant,
        verb: str,
        endpoint: str,
        threads: int | None = None,
        **more: Any,
    ) -> AbstractContextManager[Child]:
        """Start a process that executes `verb` for a participant with the storage at `endpoint`."""
        home = self.folder / participant.file
        home.mkdir(exist_ok=True)
        module, kind = participant.role(verb)
        job = {
            "verb": verb,
            "module": module,
            "kind": kind.format(dimension=self.vectors.base.shape[1]),
            "location": {
                "endpoint": endpoint,
                "bucket": BUCKET,
                "name": participant.file,
                "folder": str(home),
                "threads": BUILD_THREADS,
            },
            **more,
        }
        return child(job, self.folder, threads)

    def query(self, number: int) -> str:
        """Return a query as hexadecimal digits, for a job."""
        query: F32 = self.vectors.queries[number % len(self.vectors.queries)]
        return query.tobytes().hex()

    def recall(self, number: int, found: list[int]) -> float:
        """Return recall@10 of the rows that were found for a query."""
        number %= len(self.vectors.queries)
        return self.vectors.true.recall(self.vectors.base, number, np.array(found, np.int64))


def unbuffered() -> None:
    """Write each line of output at once."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
