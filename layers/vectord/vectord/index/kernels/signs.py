"""The pseudo-random signs of the rotation: bits of SHAKE-256, so that any language can compute them."""

import hashlib
from array import array
from functools import cache
from typing import Final

ROUNDS: Final = 2


@cache
def signs(dimension: int) -> "memoryview[float]":
    """Return the signs of each round, float32 (rounds, dimension) of 1 and -1; a cold start needs them before numpy."""
    found = array("f")
    for number in range(ROUNDS):
        size = -(-dimension // 8)
        bits = hashlib.shake_256(f"LHV1 sketch {dimension} {number}".encode()).digest(size)
        text = f"{int.from_bytes(bits):0{8 * size}b}"  # the highest bit of a byte comes first
        found.extend([-1.0 if bit == "1" else 1.0 for bit in text[:dimension]])
    return memoryview(found).cast("B").cast("f", (ROUNDS, dimension))
