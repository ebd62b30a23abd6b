"""Columns for the tests of this folder."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.columns import MakeColumns, in_memory, stored
from vectord.index.columns.writer import pack_columns


@pytest.fixture(params=[in_memory, stored])
def make_columns(request: pytest.FixtureRequest) -> MakeColumns:
    """Make columns of documents, in memory or in a section."""
    made: MakeColumns = request.param
    return made


@pytest.fixture(scope="session")
def many_documents() -> Sequence[Any]:
    """Return so many documents that a filter should read only a small part of their section."""
    return [
        {"year": row % 100, "name": f"name {row}", "score": row / 7, "tags": [row % 3, "x"]} for row in range(9_000)
    ]


@pytest.fixture(scope="session")
def large_section(many_documents: Sequence[Any]) -> bytes:
    return pack_columns(in_memory(many_documents))
