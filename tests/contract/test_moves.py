"""The file of an index is the object: it can be moved from a folder to a bucket and back, and is changed in both."""

from pathlib import Path

import pytest

from tests.support.backends import FileBackend, S3Backend
from tests.support.compactions import DIMENSION, SIZES, a_writer, vectors
from tests.support.services import FOREVER, a_service
from vectord.index.thresholds import Thresholds
from vectord.service.service import Service
from vectord.service.values.options import NewIndex
from vectord.service.values.selection import Selection
from vectord.storage.base import Store

FORMS = {"plain": Thresholds(), "packed": SIZES}


@pytest.fixture
def folder(tmp_path: Path) -> FileBackend:
    return FileBackend(tmp_path / "data")


def writer(store: Store, form: str) -> Service:
    return a_writer(store) if form == "packed" else a_service(store)


def fill(service: Service) -> None:
    service.create(NewIndex("t", DIMENSION), FOREVER)
    service.add("t", vectors(*map(str, range(20))), FOREVER)
    service.add("t", vectors("late"), FOREVER)


def change(service: Service) -> None:
    service.delete("t", Selection(["0"]), FOREVER)
    service.add("t", vectors("moved"), FOREVER)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_uploaded_to_a_bucket_and_changed_there(form: str, folder: FileBackend, s3: S3Backend) -> None:
    fill(writer(folder.store, form))
    s3.write(s3.key("t"), (folder.folder / "t.lhv1").read_bytes())
    there = writer(s3.store, form)
    assert there.describe("t", FOREVER).count == 21
    change(there)
    assert writer(s3.store, form).describe("t", FOREVER).count == 21


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_an_object_of_a_bucket_is_downloaded_to_a_folder_and_changed_there(
    form: str, folder: FileBackend, s3: S3Backend
) -> None:
    fill(writer(s3.store, form))
    (folder.folder / "t.lhv1").write_bytes(s3.read(s3.key("t")))
    here = writer(folder.store, form)
    assert here.describe("t", FOREVER).count == 21
    change(here)
    assert writer(folder.store, form).describe("t", FOREVER).count == 21


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_the_same_changes_write_the_same_bytes(form: str, folder: FileBackend, s3: S3Backend) -> None:
    for store in (folder.store, s3.store):
        fill(writer(store, form))
        change(writer(store, form))
    assert folder.objects() == s3.objects()


def test_a_folder_of_shards_and_vector_buckets_is_a_prefix_of_a_bucket(folder: FileBackend, s3: S3Backend) -> None:
    a_service(folder.store).create(NewIndex("t", DIMENSION, shards=3), FOREVER)
    a_service(folder.store).add("t", vectors(*map(str, range(30))), FOREVER)
    a_service(folder.store).buckets.create("films", {}, FOREVER)
    files = [path for path in folder.folder.rglob("*") if path.is_file()]
    for path in files:
        key = str(path.relative_to(folder.folder))
        if not key.startswith((".versions", ".locks", ".temporary")):
            s3.write(f"{s3.prefix}/{key}", path.read_bytes())
    service = a_service(s3.store)
    assert service.describe("t", FOREVER).count == 30
    assert [one.name for one in s3.store.list(".s3vectors/", 10, None).objects] == [".s3vectors/films"]
