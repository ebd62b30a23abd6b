"""Versions, staged objects and unfinished uploads are removed for ever, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.backends import ANY_CREDENTIALS, REGION, MemoryBackend, S3Backend
from tests.support.http_server import ScriptedServer, answers
from tests.support.object_versions import NEW, OLD, versions, write
from vectord.errors import ObjectVersionNotFound, StoreRefused, StoreUnavailable
from vectord.storage.base import IfAbsent, IfMatch, StoredObject
from vectord.storage.limits import CHANGES, HISTORY, STAGING
from vectord.storage.removal import Leftovers, VersionRemover
from vectord.storage.s3.bucket import Bucket
from vectord.storage.s3.removal import S3Remover

FUTURE, PAST = (datetime.now(UTC) + timedelta(days=days) for days in (1, -1))


@pytest.fixture
def bucket(s3: S3Backend) -> S3Backend:
    """A bucket that keeps versions; only S3 has leftovers."""
    s3.keep_versions()
    return s3


def remover_of(backend: MemoryBackend | S3Backend) -> VersionRemover:
    return backend.store if isinstance(backend, MemoryBackend) else s3_remover(backend.endpoint, backend.bucket)


def s3_remover(endpoint: str, bucket: str, prefix: str = "some/_vectors") -> S3Remover:
    return S3Remover(Bucket(bucket, REGION, endpoint, ANY_CREDENTIALS), prefix)


def test_removed_versions_are_gone_and_the_others_stay(thinned: MemoryBackend | S3Backend) -> None:
    write(thinned, OLD, NEW, OLD, NEW)
    first, second, third, last = versions(thinned)
    remover_of(thinned).remove_versions("t", [first.id, third.id])
    remover_of(thinned).remove_versions("t", [first.id])  # once more
    assert versions(thinned) == [second, last]
    with pytest.raises(ObjectVersionNotFound):
        thinned.store.head("t", 10, version=first.id)
    found = thinned.store.get("t")
    assert isinstance(found, StoredObject)
    assert found.data == NEW


def test_no_version_to_remove_is_no_request(thinned: MemoryBackend | S3Backend) -> None:
    write(thinned, OLD)
    remover_of(thinned).remove_versions("t", [])
    assert len(versions(thinned)) == 1


def test_histories_are_those_of_indexes_and_shards_and_of_deleted_ones(
    strictly_thinned: MemoryBackend | S3Backend,
) -> None:
    kept = strictly_thinned
    etag = write(kept, OLD, NEW)[-1]
    kept.store.delete("t", IfMatch(etag))
    for name in ("t-2", "s", f"s/{'a' * 32}/0", f"{HISTORY}t"):
        write(kept, OLD, name=name)
    kept.store.stage(f"{STAGING}staged", [OLD])
    found = {history.name: history.versions for history in remover_of(kept).histories()}
    assert found.keys() == {"t", "t-2", "s", f"s/{'a' * 32}/0"}
    assert list(found["t"]) == versions(kept)[::-1]
    assert [one.deleted for one in found["t"]] == [True, False, False]


class TestLeftovers:
    def test_are_old_versions_and_staged_objects_and_uploads_that_are_old(self, bucket: S3Backend) -> None:
        store, remover = bucket.store, remover_of(bucket)
        write(bucket, OLD, NEW)
        store.stage(f"{STAGING}a", [OLD])
        store.discard(f"{STAGING}a")
        store.put(f"{STAGING}t.claim", b"1", IfAbsent(), "1")
        etag = store.put(f"{HISTORY}t", b"1", IfAbsent(), "1")
        store.put(f"{HISTORY}t", b"2", IfMatch(etag), "2")
        etag = store.put(f"{CHANGES}t/token", b"queued", IfAbsent(), "1")
        store.put(f"{CHANGES}t/token", b"applied", IfMatch(etag), "2")
        assert remover.remove_leftovers(PAST) == Leftovers(3, len(OLD) + 1 + len(b"queued"), 0)
        assert self.keys(bucket, ".staging/") == [("a", True), ("t.claim", False)]
        self.begin_upload(bucket)
        assert remover.remove_leftovers(FUTURE) == Leftovers(1, 1, 1)  # the lease and the upload
        assert self.keys(bucket, ".staging/") == [("a", True)]
        assert self.keys(bucket, ".history/") == [("t.json", False)]
        assert self.keys(bucket, ".changes/") == [("t/token", False)]
        assert "Uploads" not in bucket.client.list_multipart_uploads(Bucket=bucket.bucket)
        assert len(versions(bucket)) == 2
        assert remover.remove_leftovers(FUTURE) == Leftovers()

    def test_are_no_uploads_that_began_later(self, bucket: S3Backend) -> None:
        self.begin_upload(bucket)
        [upload] = bucket.client.list_multipart_uploads(Bucket=bucket.bucket)["Uploads"]
        assert remover_of(bucket).remove_leftovers(upload["Initiated"]).uploads == 0
        assert remover_of(bucket).remove_leftovers(upload["Initiated"] + timedelta(seconds=1)).uploads == 1

    def test_do_not_touch_other_prefixes(self, bucket: S3Backend) -> None:
        other = bucket.store_under("another/_vectors")
        other.stage(f"{STAGING}a", [OLD])
        self.begin_upload(bucket, "another/_vectors/t.lhv1")
        assert remover_of(bucket).remove_leftovers(FUTURE) == Leftovers()
        assert list(remover_of(bucket).histories()) == []

    def begin_upload(self, bucket: S3Backend, key: str | None = None) -> None:
        bucket.client.create_multipart_upload(Bucket=bucket.bucket, Key=key or bucket.key("t"))

    def keys(self, bucket: S3Backend, folder: str) -> list[tuple[str, bool]]:
        """Return the keys of all versions in a folder, and True for those that are deletions."""
        prefix = f"{bucket.prefix}/{folder}"
        page = bucket.client.list_object_versions(Bucket=bucket.bucket, Prefix=prefix)
        found = [(one["Key"].removeprefix(prefix), False) for one in page.get("Versions", ())]
        return sorted(found + [(one["Key"].removeprefix(prefix), True) for one in page.get("DeleteMarkers", ())])


REPLY = '<?xml version="1.0"?><DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{}</DeleteResult>'


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (REPLY.format("<Error><Key>t</Key><VersionId>1</VersionId><Code>AccessDenied</Code></Error>"), StoreRefused),
        (
            REPLY.format("<Error><Key>t</Key><VersionId>1</VersionId><Code>InternalError</Code></Error>"),
            StoreUnavailable,
        ),
        ("<html>a login page</html>", StoreUnavailable),
    ],
    ids=["denied", "internal", "not S3"],
)
def test_a_version_that_was_not_removed_is_an_error(
    server: ScriptedServer, body: str, error: type[Exception], aws_environment: None
) -> None:
    server.answer = answers(200, body.encode(), **{"Content-Type": "application/xml"})
    with pytest.raises(error):
        s3_remover(server.endpoint, "bucket", "p").remove_versions("t", ["1"])
    [request] = server.requests
    assert request.startswith("POST /bucket?delete")
    sent = {name.lower() for name in server.headers[0]}
    assert sent & {"content-md5", "x-amz-checksum-crc32"}  # S3 requires one of them


def test_a_thousand_versions_are_removed_in_one_request(server: ScriptedServer, aws_environment: None) -> None:
    server.answer = answers(200, REPLY.format("").encode(), **{"Content-Type": "application/xml"})
    s3_remover(server.endpoint, "bucket", "p").remove_versions("t", list(map(str, range(2_001))))
    assert [body.count(b"<VersionId>") for body in server.bodies] == [1_000, 1_000, 1]
