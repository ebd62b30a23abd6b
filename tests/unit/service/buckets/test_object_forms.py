"""Stored bytes that are not a vector bucket as this version writes it, and one that was copied to another name."""

import json
from typing import Any

import pytest
from msgspec import structs

from tests.support import services
from tests.support.services import FOREVER
from vectord.service.buckets.errors import BucketUnreadable
from vectord.service.buckets.values import object_name
from vectord.service.service import Service
from vectord.storage.base import IfAbsent, ObjectHead
from vectord.storage.memory import MemoryStore

OTHER_FORMS: dict[str, Any] = {
    "not JSON": b"{",
    "no object": b"[]",
    "no UTF-8": b'{"name":"films","id":"a","created":1,"policy":"\xff"}',
    "no id": {"id": ""},
    "an id of 65 characters": {"id": "a" * 65},
    "an id with a slash": {"id": "a/b"},
    "a time before 1970": {"created": -1},
    "a time that is text": {"created": "now"},
    "51 tags": {"tags": {str(number): "" for number in range(51)}},
    "a long tag": {"tags": {"key": "v" * 257}},
    "an unknown mode": {"default_index_mode": "TURBO"},
    "a long policy": {"policy": "x" * 20_481},
    "33 writes": {"writes": ["w"] * 33},
    "a member that a later version wrote": {"quota": 5},
    "2 MB": {"policy": " " * (2 << 20)},
    "deep nesting": b'{"name":' + b"[" * 100_000,
}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def service(store: MemoryStore) -> Service:
    return services.a_service(store)


@pytest.mark.parametrize("stored", OTHER_FORMS.values(), ids=OTHER_FORMS.keys())
def test_an_object_of_another_form_is_unreadable(store: MemoryStore, service: Service, stored: Any) -> None:
    valid = {"name": "films", "id": "a", "created": 1}
    data = stored if isinstance(stored, bytes) else json.dumps({**valid, **stored}).encode()
    store.put(object_name("films"), data, IfAbsent(), "")
    with pytest.raises(BucketUnreadable, match="films"):
        service.buckets.get("films", FOREVER)
    with pytest.raises(BucketUnreadable, match="films"):
        service.buckets.change("films", lambda bucket: structs.replace(bucket, tags={}), FOREVER)
    with pytest.raises(BucketUnreadable, match="films"):
        service.buckets.delete("films", FOREVER)


def test_an_object_that_was_copied_to_another_name_belongs_to_that_name(store: MemoryStore, service: Service) -> None:
    service.buckets.create("films", {}, FOREVER)
    copied = store.head(object_name("films"), 1 << 20)
    assert isinstance(copied, ObjectHead)
    store.put(object_name("copy"), bytes(copied.data), IfAbsent(), "")
    assert service.buckets.get("copy", FOREVER).name == "copy"
