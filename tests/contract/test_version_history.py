"""Earlier states of indexes over every store are listed, read, restored and copied."""

import pytest

from tests.support.backends import Backend
from tests.support.compactions import DIMENSION, SIZES, a_writer, vectors
from tests.support.services import FOREVER
from tests.support.version_history import HistoryService, vectors_by_id
from vectord.errors import IndexExists, PreconditionFailed
from vectord.service.service import Service
from vectord.service.values.options import NewIndex, WriteOptions


@pytest.fixture
def writer(versioned: Backend) -> Service:
    """Return a process that wrote index `t` twice in the packed form."""
    writer = a_writer(versioned.store)
    writer.create(NewIndex("t", DIMENSION), FOREVER)
    writer.add("t", vectors(*map(str, range(20))), FOREVER)
    writer.add("t", vectors("late"), FOREVER)
    return writer


@pytest.fixture
def service(versioned: Backend) -> HistoryService:
    return HistoryService(versioned.store, sizes=SIZES)


def version(service: HistoryService, number: int) -> str:
    """Return the id of a version, counted from the oldest."""
    return service.versions.list("t", 10, None, FOREVER).versions[::-1][number].id


def test_a_version_is_read_by_ranges(writer: Service, service: HistoryService) -> None:
    old = service.versions.open("t", version(service, 1), FOREVER).state
    assert vectors_by_id(old.index).keys() == set(map(str, range(20)))


def test_a_restored_index_equals_its_earlier_state(writer: Service, service: HistoryService) -> None:
    done = service.history.restore("t", version(service, 1), FOREVER)
    found = writer.describe("t", FOREVER)
    assert (found.count, found.etag) == (20, done.etag)


def test_a_deleted_index_is_restored(writer: Service, service: HistoryService) -> None:
    newest = version(service, 2)
    writer.delete_index("t", FOREVER)
    service.history.restore("t", newest, FOREVER)
    assert writer.describe("t", FOREVER).count == 21


def test_a_restore_with_a_stale_etag_changes_nothing(writer: Service, service: HistoryService) -> None:
    with pytest.raises(PreconditionFailed):
        service.history.restore("t", version(service, 1), FOREVER, WriteOptions({'"old"'}))
    assert writer.describe("t", FOREVER).count == 21


def test_a_copy_equals_the_original(writer: Service, service: HistoryService) -> None:
    service.history.copy("t", "u", FOREVER)
    assert vectors_by_id(service.reads.present("u", FOREVER).index) == vectors_by_id(
        service.reads.present("t", FOREVER).index
    )


def test_a_copy_of_a_version_equals_that_version(writer: Service, service: HistoryService) -> None:
    service.history.copy("t", "u", FOREVER, version(service, 1))
    assert writer.describe("u", FOREVER).count == 20


def test_a_copy_never_replaces_an_index(writer: Service, service: HistoryService) -> None:
    writer.create(NewIndex("u", 3), FOREVER)
    with pytest.raises(IndexExists):
        service.history.copy("t", "u", FOREVER)
    assert writer.describe("u", FOREVER).params.dimension == 3
