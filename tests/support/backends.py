"""Stores to test, each beside a way to seed and read its backend directly, past the code under test."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from uuid import uuid4

import boto3

from vectord.stores import Fetched, IfAbsent, MemoryStore
from vectord.stores.s3 import S3Store, make_client

REGION = "us-east-1"
# A stand-in takes any credentials; real ones must never be met by a test.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}
# What would lead a client away from the stand-in.
CONFUSING = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "AWS_CONFIG_FILE")


# A client takes 0.1 s to make, so tests share them; moto answers whichever mock is on.
@cache
def _plain_client(endpoint: str | None) -> Any:
    return boto3.client("s3", endpoint_url=endpoint, region_name=REGION)


@cache
def _our_client(endpoint: str | None) -> Any:
    return make_client(endpoint)


class MemoryBackend:
    def __init__(self) -> None:
        self.store = MemoryStore()

    def objects(self) -> Mapping[str, bytes]:
        """Return every object by index name."""
        names = [listed.name for listed in self.store.list("", 1_000_000, None).objects]
        found = {name: self.store.get(name) for name in names}
        return {name: answer.data for name, answer in found.items() if isinstance(answer, Fetched)}

    def seed(self, name: str, data: bytes) -> None:
        self.store.put(name, data, IfAbsent(), "seed")


class S3Backend:
    """A new bucket on whatever stands in for S3 at `endpoint` (moto in process if None)."""

    def __init__(self, endpoint: str | None = None, prefix: str = "some/_vectors") -> None:
        self.bucket, self.prefix = f"vectord-test-{uuid4().hex[:12]}", prefix
        self.client = _plain_client(endpoint)
        self.client.create_bucket(Bucket=self.bucket)
        self._endpoint = endpoint
        self.store = self.store_under(prefix)

    def store_under(self, prefix: str) -> S3Store:
        return S3Store(self.bucket, prefix, lambda: _our_client(self._endpoint))

    def key(self, name: str) -> str:
        return f"{self.prefix}/{name}.lhv1"

    def keys(self) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def objects(self) -> Mapping[str, bytes]:
        inside = [key for key in self.keys() if key.startswith(self.prefix)]
        return {key[len(self.prefix) + 1 : -len(".lhv1")]: self.read(key) for key in inside}

    def seed(self, name: str, data: bytes) -> None:
        self.write(self.key(name), data)

    def read(self, key: str) -> bytes:
        return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def write(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def user_metadata(self, name: str) -> Mapping[str, str]:
        return self.client.head_object(Bucket=self.bucket, Key=self.key(name))["Metadata"]
