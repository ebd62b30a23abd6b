"""Blocks that another thread makes, a few before they are used."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

_FEW: Final = 3  # with one alone, the other thread would wait for the interpreter each time, and this one for it


def ahead(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield `blocks`; up to three of them lie ready. What making one raises is raised in its place."""
    with ThreadPoolExecutor(1) as pool:
        coming = deque(pool.submit(next, blocks, None) for _ in range(_FEW))
        while (block := coming.popleft().result()) is not None:
            coming.append(pool.submit(next, blocks, None))
            yield block
