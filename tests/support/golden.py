"""The golden blobs of version 2, which every later version must read."""

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "golden/v2"


def read(name: str) -> bytes:
    return (FOLDER / f"{name}.lhv1").read_bytes()
