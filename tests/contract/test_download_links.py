"""Links to objects, over every store: anyone who has the link downloads the bytes, without credentials."""

from urllib.request import urlopen

import pytest

from tests.support.backends import S3Backend
from tests.support.object_versions import NEW, OLD, Backend, versions, write
from vectord.storage.limits import LONGEST_LINK


def fetched(url: str) -> bytes:
    with urlopen(url) as answer:
        data: bytes = answer.read()
    return data


def test_a_link_leads_to_the_object(backend: Backend) -> None:
    write(backend, OLD)
    assert fetched(backend.linking.link("t", 60, "t.lhv1")) == OLD


def test_a_link_leads_to_a_staged_object(backend: Backend) -> None:
    backend.store.stage(".staging/export-1", [OLD])
    assert fetched(backend.linking.link(".staging/export-1", 60, "t.parquet")) == OLD


def test_a_link_leads_to_a_version(versioned: Backend) -> None:
    write(versioned, OLD, NEW)
    assert fetched(versioned.linking.link("t", 60, "t.lhv1", version=versions(versioned)[0].id)) == OLD


def test_a_link_names_the_download(s3: S3Backend) -> None:
    write(s3, OLD)
    with urlopen(s3.linking.link("t", 60, "my index.lhv1")) as answer:
        assert answer.headers["content-disposition"] == 'attachment; filename="my index.lhv1"'


@pytest.mark.parametrize("seconds", [0, -1, LONGEST_LINK + 1])
def test_a_link_for_a_duration_that_s3_refuses_is_refused(backend: Backend, seconds: int) -> None:
    write(backend, OLD)
    with pytest.raises(ValueError, match="seconds"):
        backend.linking.link("t", seconds, "t.lhv1")


@pytest.mark.parametrize("filename", ["", 'a"b', "a\r\nb", "ä", "a/b", "x" * 256])
def test_a_link_with_a_file_name_that_is_not_plain_is_refused(backend: Backend, filename: str) -> None:
    write(backend, OLD)
    with pytest.raises(ValueError, match="called"):
        backend.linking.link("t", 60, filename)
