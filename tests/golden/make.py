"""Write golden blobs of the present version: run once when a version is born, never again.

The files are the format: a change that alters how they read is a new version, with a folder of its own.
"""

import sys
from pathlib import Path

import msgspec
import numpy as np

from vectord import index as ix
from vectord.params import new_params


def _blob(name: str, distance: str, items: list[ix.Item], dimension: int = 3) -> bytes:
    empty = ix.create(new_params(name, dimension, distance=distance))
    rows, _, _ = ix.upsert(empty.rows, items)
    return ix.encode(ix.with_rows(empty, rows) if items else empty, name, f"commit-of-{name}")[0]


def _item(vector_id: str, *components: float, metadata: bytes | None = None) -> ix.Item:
    return ix.Item(vector_id, np.array(components, np.float32), None if metadata is None else msgspec.Raw(metadata))


def main(folder: Path) -> None:
    """Write every golden blob that `folder` does not hold yet."""
    three = [
        _item("a", 1, 0, 0, metadata=b'{"kind": "axis", "tags": ["x", null, 1.50]}'),
        _item("b/%2F + é", 0.5, 0.5, 0, metadata=b"[]"),
        _item("漢字 \U0001f600", -0.0, 1e-40, 3.25),
    ]
    many = [_item(f"row-{i:03}", *v) for i, v in enumerate(np.random.default_rng(1).normal(size=(200, 3)))]
    blobs = {
        "empty": _blob("empty", "cosine", []),
        "cosine": _blob("cosine", "cosine", three),
        "euclidean": _blob("euclidean", "euclidean", three),
        "forest": _blob("forest", "cosine", many),
    }
    for name, blob in blobs.items():
        path = folder / f"{name}.lhv1"
        if not path.exists():
            path.write_bytes(blob)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
