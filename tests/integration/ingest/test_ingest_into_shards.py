"""Files for an index in shards: each row reaches its shard once."""

import pytest

from tests.support.api import Api
from tests.support.backends import S3Backend
from tests.support.inbox import Inbox

ROWS = b"".join(b'{"id": "row-%d", "vector": [1, %d]}\n' % (i, i) for i in range(20))


@pytest.fixture
def sharded(api: Api) -> Api:
    """An API with the index `s` in three shards."""
    api.create("s", shards=3)
    return api


def counts(api: Api) -> list[int]:
    return [shard["count"] for shard in api.send("GET", "/indexes/s").json["shards"]]


def test_rows_of_a_file_are_stored_in_their_shards(sharded: Api, inbox: Inbox) -> None:
    inbox.upload("uploads/s/f.jsonl", ROWS)
    assert sum(counts(sharded)) == 20
    assert min(counts(sharded)) > 0
    assert sharded.search([1, 7], name="s", k=1).json["matches"][0]["id"] == "row-7"


def test_a_redelivered_file_changes_no_shard(sharded: Api, inbox: Inbox) -> None:
    inbox.upload("uploads/s/f.jsonl", ROWS)
    sharded.send("DELETE", "/indexes/s/vectors/row-7")
    before = sharded.send("GET", "/indexes/s").etag
    assert inbox.deliver(inbox.event("uploads/s/f.jsonl", ROWS)) == []
    assert sharded.send("GET", "/indexes/s").etag == before


def test_a_shard_that_failed_gets_its_rows_at_redelivery(sharded: Api, inbox: Inbox, bucket: S3Backend) -> None:
    [key] = [bucket.key(name) for name in bucket.objects() if name.endswith("/1")]
    sound = bucket.read(key)
    bucket.write(key, b"LHV2 and more")
    inbox.put("uploads/s/f.jsonl", ROWS)
    assert inbox.deliver(inbox.event("uploads/s/f.jsonl", ROWS)) == ["m0"]
    bucket.write(key, sound)
    assert counts(sharded)[1] == 0
    assert inbox.deliver(inbox.event("uploads/s/f.jsonl", ROWS)) == []
    assert sum(counts(sharded)) == 20


def test_a_bad_row_rejects_a_file_for_every_shard(sharded: Api, inbox: Inbox) -> None:
    inbox.upload("uploads/s/f.jsonl", ROWS + b'{"id": "bad", "vector": [0, 0]}\n')
    assert counts(sharded) == [0, 0, 0]
    assert inbox.report("rejected/s/f.jsonl.json")["bad"] == 1
