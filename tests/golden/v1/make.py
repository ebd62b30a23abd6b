"""Write the golden files of version 1; run once.

tests/support/hnsw.py encodes them from the specification; the Go service was not available.
"""

import sys
from pathlib import Path

import numpy as np

from tests.support import hnsw as h

THREE = {"a": (1, 0, 0), "b/%2F + é": (0.5, 0.5, 0), "漢字 \U0001f600": (-0.0, 1e-40, 3.25)}
METADATA = {"a": {"kind": "axis", "tags": ["x", None, 1.5]}, "b/%2F + é": [], "gone": {"left": "behind"}}


def _small(distance: str) -> bytes:
    """Return three vectors in two layers, with an edge to a key that was deleted, and its metadata."""
    keys = [*THREE, "gone"]
    base = [(key, vector, [one for one in keys if one != key]) for key, vector in THREE.items()]
    body = h.graph([base, base[:1]], distance=distance)
    params = h.params(name=f"v1-{distance}", distance=distance)
    return h.blob({"version": 1, "params": params, "metadata": METADATA}, body)


def _many() -> bytes:
    """Return 200 vectors in layers of decreasing size, the last one empty, and parameters other than the defaults."""
    drawn = np.random.default_rng(1).normal(size=(200, 3))
    base = [
        (f"row-{i:03}", v.tolist(), [f"row-{(i + step) % 200:03}" for step in range(1, 9)]) for i, v in enumerate(drawn)
    ]
    body = h.graph([base, base[::4], base[::16], []], m=8, ef_search=100, distance="euclidean")
    params = h.params(name="v1-many", m=8, ef_search=100, distance="euclidean")
    metadata = {f"row-{i:03}": {"row": i} for i in range(0, 200, 3)}
    return h.blob({"version": 1, "params": params, "metadata": metadata}, body)


def main(folder: Path) -> None:
    """Write every golden file that does not exist in `folder`."""
    none = h.blob({"version": 1, "params": h.params(name="v1-empty"), "metadata": None}, h.graph([]))
    blobs = {"empty": none, "cosine": _small("cosine"), "euclidean": _small("euclidean"), "many": _many()}
    for name, blob in blobs.items():
        path = folder / f"{name}.lhv1"
        if not path.exists():
            path.write_bytes(blob)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
