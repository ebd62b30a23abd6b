"""Earlier versions of indexes on every store: listed, read, restored and copied."""

import pytest

from tests.support.backends import MemoryBackend, S3Backend
from tests.support.compacting import DIMENSION, SIZES, a_writer, vectors
from tests.support.past import Past, held
from tests.support.worlds import FOREVER
from vectord.errors import IndexExists, PreconditionFailed
from vectord.service.lifecycle import NewIndex
from vectord.service.service import Service
from vectord.service.values.options import WriteOptions

Backend = MemoryBackend | S3Backend


@pytest.fixture
def writer(versioned: Backend) -> Service:
    """Return a process that wrote index `t` twice in the packed form."""
    writer = a_writer(versioned.store)
    writer.create(NewIndex("t", DIMENSION), FOREVER)
    writer.add("t", vectors(*map(str, range(20))), FOREVER)
    writer.add("t", vectors("late"), FOREVER)
    return writer


@pytest.fixture
def past(versioned: Backend) -> Past:
    return Past(versioned.store, sizes=SIZES)


def version(past: Past, number: int) -> str:
    """Return the id of a version, counted from the oldest."""
    return past.versions.list("t", 10, None, FOREVER).versions[::-1][number].id


def test_a_version_is_read_by_ranges_as_it_was(writer: Service, past: Past) -> None:
    old = past.versions.open("t", version(past, 1), FOREVER).state
    assert held(old.index).keys() == set(map(str, range(20)))


def test_a_restored_index_equals_its_earlier_state(writer: Service, past: Past) -> None:
    done = past.history.restore("t", version(past, 1), FOREVER)
    found = writer.describe("t", FOREVER)
    assert (found.count, found.etag) == (20, done.etag)


def test_a_deleted_index_is_restored(writer: Service, past: Past) -> None:
    newest = version(past, 2)
    writer.delete_index("t", FOREVER)
    past.history.restore("t", newest, FOREVER)
    assert writer.describe("t", FOREVER).count == 21


def test_a_restore_at_another_version_changes_nothing(writer: Service, past: Past) -> None:
    with pytest.raises(PreconditionFailed):
        past.history.restore("t", version(past, 1), FOREVER, WriteOptions({'"old"'}))
    assert writer.describe("t", FOREVER).count == 21


def test_a_copy_equals_the_original(writer: Service, past: Past) -> None:
    past.history.copy("t", "u", FOREVER)
    assert held(past.reads.present("u", FOREVER).index) == held(past.reads.present("t", FOREVER).index)


def test_a_copy_of_a_version_equals_that_version(writer: Service, past: Past) -> None:
    past.history.copy("t", "u", FOREVER, version(past, 1))
    assert writer.describe("u", FOREVER).count == 20


def test_a_copy_never_replaces_an_index(writer: Service, past: Past) -> None:
    writer.create(NewIndex("u", 3), FOREVER)
    with pytest.raises(IndexExists):
        past.history.copy("t", "u", FOREVER)
    assert writer.describe("u", FOREVER).params.dimension == 3
