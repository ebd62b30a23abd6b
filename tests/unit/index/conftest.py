"""A bound at which small indexes are searched as large ones are."""

from collections.abc import Iterator

import pytest

from vectord.index.sections import graph


@pytest.fixture(scope="module")
def early_strategies() -> Iterator[None]:
    """Let partitions and forest begin at a quarter of the rows at which they are worth it, because builds take long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph, "_CHEAP_SCAN_COMPONENTS", graph._CHEAP_SCAN_COMPONENTS // 4)
        yield
