"""Listings of objects are in the order of names in every store, whatever the order of the keys."""

import random
from collections.abc import Collection
from itertools import islice
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.backends import Backend, FileBackend, MemoryBackend, S3Backend, s3_store
from vectord.storage.base import Store

# Names that begin each other, and whose keys sort otherwise: the suffix of a key begins with a dot.
NAMES = st.from_regex(r"[a-]([a.-]|lhv1|\.lhv){0,5}", fullmatch=True)
FAMILY = ("films", "films-2", "films-2-a", "films-20", "films.a", "films.z", "films.lhv1", "films0", "film", "films_")


def listed(store: Store, prefix: str, limit: int, after: str | None = None) -> list[str]:
    """Follow a listing to its end; each page but the last is full."""
    names: list[str] = []
    while True:
        page = store.list(prefix, limit, after)
        names += [one.name for one in page.objects]
        after = page.after
        if after is None:
            return names
        assert len(page.objects) == limit
        assert after == names[-1]


def seed(backend: Backend, names: Collection[str]) -> None:
    """Write each name, and keys beside them that are not indexes: a shard, a staged object, other files."""
    for name in names:
        backend.seed(name, b"")
    if isinstance(backend, S3Backend):
        for key in ("films/gen/0.lhv1", ".staging/a", "films-1.txt", "films-2.lhv1.bak", "a-/x", "a-b", "a"):
            backend.write(f"{backend.prefix}/{key}", b"")


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_a_name_comes_before_the_names_that_begin_with_it(backend: Backend, limit: int) -> None:
    seed(backend, FAMILY)
    assert listed(backend.store, "", limit) == sorted(FAMILY)
    assert listed(backend.store, "films", limit) == sorted(FAMILY)[1:]


@pytest.mark.slow
def test_a_name_is_found_behind_many_keys_that_begin_with_it(s3: S3Backend) -> None:
    names = ["t", "t-a", *(f"t-a-{number:02}" for number in range(20)), "t-b", "u"]
    seed(s3, names)
    store = s3_store(s3.endpoint, s3.bucket, s3.prefix, page=7)
    for limit in (1, 4, 25):
        assert listed(store, "", limit) == names
    assert listed(store, "t-a-0", 3) == names[2:12]


def test_a_prefix_that_no_name_starts_with_lists_nothing(backend: Backend) -> None:
    seed(backend, FAMILY)
    for prefix in ("films/", "films/gen/", ".", ".staging/", "é", "\ud800", "f" * 129, "films\n"):
        assert listed(backend.store, prefix, 10) == []


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(NAMES, max_size=9), page=st.integers(1, 6), limit=st.integers(1, 6), seed_=st.integers(0, 99))
@pytest.mark.slow
def test_all_stores_list_the_same_pages(
    s3: S3Backend, tmp_path: Path, *, names: set[str], page: int, limit: int, seed_: int
) -> None:
    backend, memory, files = S3Backend(s3.endpoint), MemoryBackend(), FileBackend(tmp_path / uuid4().hex)
    for each in (backend, memory, files):
        seed(each, names)
    store = s3_store(backend.endpoint, backend.bucket, backend.prefix, page=page)
    drawn = random.Random(seed_)
    beginnings = ["", *(name[: drawn.randrange(len(name) + 1)] for name in islice(sorted(names), 3))]
    for prefix in beginnings:
        expected = sorted(name for name in names if name.startswith(prefix))
        stores: tuple[Store, ...] = (store, memory.store, files.store)
        for one in stores:
            assert listed(one, prefix, limit) == expected
        after = drawn.choice(["a", "a-", "-", *sorted(names)])
        for one in stores:
            assert listed(one, prefix, limit, after) == [name for name in expected if name > after]
