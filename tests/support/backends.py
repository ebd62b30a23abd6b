"""Stores to test, each with a way to seed and read its backend without the code under test."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

from vectord.storage.base import IfAbsent, StoredObject
from vectord.storage.boto import Timeouts
from vectord.storage.credentials import Credentials
from vectord.storage.files.keep import Keep
from vectord.storage.files.store import FileStore
from vectord.storage.memory import MemoryStore
from vectord.storage.s3.bucket import Bucket
from vectord.storage.s3.store import S3Store

REGION = "us-east-1"
# An emulator accepts any credentials; tests must never use real ones.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}
ANY_CREDENTIALS = Credentials("testing", "testing", "testing")
KNOWN_CREDENTIALS = Credentials("test", "test")
# Variables that would make a client use another endpoint or account.
CONFUSING = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "AWS_CONFIG_FILE")


LEAST_PART = 1_000  # bytes; emulators accept smaller parts than S3


@contextmanager
def moto_server() -> Iterator[str]:
    """Run moto's S3 as a server on loopback and yield its URL; its mocks inside the process would only see boto3."""
    from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
    from moto.s3 import models
    from werkzeug.serving import make_server

    models.S3_UPLOAD_PART_MIN_SIZE = LEAST_PART
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
    # Without moto's dispatcher, which lists the folders of all services at each request.
    app = create_backend_app("s3")
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=MotoRequestHandler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        models.s3_backends.reset()


# Making a client costs 0.1 s, so tests share them.
@cache
def _plain_client(endpoint: str) -> Any:
    import boto3

    return boto3.client("s3", endpoint_url=endpoint, region_name=REGION)


def s3_store(
    endpoint: str,
    bucket: str,
    prefix: str,
    *,
    credentials: Credentials | None = ANY_CREDENTIALS,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
    least_part: int = LEAST_PART,
    page: int = 1_000,
    ca_bundle: str | None = None,
) -> S3Store:
    """Return a store of a bucket at `endpoint`, an emulator that accepts any credentials; None is botocore's chain."""
    found = Bucket(bucket, REGION, endpoint, credentials, timeouts, ca_bundle)
    return S3Store(found, prefix, least_part=least_part, page=page)


class MemoryBackend:
    def __init__(self, version_bytes: int = 1 << 20) -> None:
        self.store = MemoryStore(least_part=LEAST_PART, version_bytes=version_bytes)

    @property
    def linking(self) -> MemoryStore:
        return self.store

    def keep_versions(self) -> None:
        """Do nothing: the memory store always keeps versions."""

    def remove_version(self, name: str, version: str) -> None:
        """Remove one version permanently, as a lifecycle rule does."""
        self.store._history.remove(name, version)

    def objects(self) -> Mapping[str, bytes]:
        """Return every object by index name."""
        names = [listed.name for listed in self.store.list("", 1_000_000, None).objects]
        found = {name: self.store.get(name) for name in names}
        return {name: answer.data for name, answer in found.items() if isinstance(answer, StoredObject)}

    def seed(self, name: str, data: bytes) -> None:
        self.store.put(name, data, IfAbsent(), "seed")


class FileBackend:
    """A store in a new folder."""

    def __init__(self, folder: Path, keep: Keep | None = None) -> None:
        self.folder = folder
        self.store = FileStore(folder, keep=keep, least_part=LEAST_PART)

    @property
    def linking(self) -> FileStore:
        return self.store

    def keep_versions(self) -> None:
        """Do nothing: the store keeps versions by default."""

    def remove_version(self, name: str, version: str) -> None:
        """Remove one version permanently, as a user does who needs the space."""
        (self.folder / ".versions" / name / version).unlink()

    def objects(self) -> Mapping[str, bytes]:
        """Return every object by index name."""
        return {file.name.removesuffix(".lhv1"): file.read_bytes() for file in self.folder.glob("*.lhv1")}

    def seed(self, name: str, data: bytes) -> None:
        (self.folder / f"{name}.lhv1").write_bytes(data)


class S3Backend:
    """A new bucket on the S3 emulator at `endpoint`."""

    def __init__(self, endpoint: str, prefix: str = "some/_vectors") -> None:
        self.bucket, self.prefix = f"vectord-test-{uuid4().hex[:12]}", prefix
        self.client = _plain_client(endpoint)
        self.client.create_bucket(Bucket=self.bucket)
        self.endpoint = endpoint
        self.store = self.store_under(prefix)

    def store_under(self, prefix: str) -> S3Store:
        return s3_store(self.endpoint, self.bucket, prefix)

    @property
    def linking(self) -> S3Store:
        """The store with credentials that MiniStack knows, since it checks the signature of links."""
        return s3_store(self.endpoint, self.bucket, self.prefix, credentials=KNOWN_CREDENTIALS)

    def keep_versions(self) -> None:
        self.client.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})

    def remove_version(self, name: str, version: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=self.key(name), VersionId=version)

    def key(self, name: str) -> str:
        return f"{self.prefix}/{name}.lhv1"

    def keys(self) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def objects(self) -> Mapping[str, bytes]:
        """Return every object by name, but those that a writer deletes between the listing and the read."""
        found: dict[str, bytes] = {}
        for key in self.keys():
            if key.startswith(self.prefix):
                with suppress(self.client.exceptions.NoSuchKey):
                    found[key[len(self.prefix) + 1 : -len(".lhv1")]] = self.read(key)
        return found

    def seed(self, name: str, data: bytes) -> None:
        self.write(self.key(name), data)

    def read(self, key: str) -> bytes:
        return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def write(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def user_metadata(self, name: str) -> Mapping[str, str]:
        return self.client.head_object(Bucket=self.bucket, Key=self.key(name))["Metadata"]


Backend = MemoryBackend | FileBackend | S3Backend
