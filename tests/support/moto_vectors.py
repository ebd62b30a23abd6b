"""moto's S3 Vectors as a server on loopback, with what moto 5.2.5 lacks: pages, segments, and parts of an index.

moto's ListVectors returns everything at once and ignores maxResults, nextToken and segments; moto forgets
metadataConfiguration and creation times. The additions do what AWS documents: a page ends at maxResults or at about
1 MB, the segments are disjoint and together complete, and a token belongs to one segment.
"""

import base64
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Thread
from typing import Any
from unittest.mock import patch
from zlib import crc32

import boto3
from botocore.config import Config
from moto.core.responses import ActionResult
from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
from moto.s3vectors.exceptions import ValidationError
from moto.s3vectors.models import s3vectors_backends
from moto.s3vectors.responses import S3VectorsResponse
from moto.server import ThreadedMotoServer
from werkzeug.serving import make_server

PAGE_BYTES = 1 << 20
CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class MotoVectors:
    """The server: its URL, a client, and how it behaves."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.client = boto3.client(
            "s3vectors",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(retries={"total_max_attempts": 1}),
        )
        self.page_bytes, self.epoch, self.pages = PAGE_BYTES, 0, 0
        self.before_page: Callable[[int], None] = lambda _: None

    def expire_tokens(self) -> None:
        """Refuse every token that was handed out so far."""
        self.epoch += 1

    def token(self, last: str, segment: int, segments: int) -> str:
        text = json.dumps([self.epoch, segment, segments, last])
        return base64.urlsafe_b64encode(text.encode()).decode()

    def last_of(self, token: str, segment: int, segments: int) -> str:
        """Return the last key of the page before the one that a token asks for."""
        try:
            epoch, *where, last = json.loads(base64.urlsafe_b64decode(token))
        except ValueError:
            raise ValidationError("Invalid nextToken") from None
        if epoch != self.epoch or where != [segment, segments]:
            raise ValidationError("Invalid nextToken")
        return str(last)


@contextmanager
def moto_as_released() -> Iterator[str]:
    """Serve moto without the additions inside the block, and give its endpoint."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()
        s3vectors_backends.reset()


@contextmanager
def moto_vectors() -> Iterator[MotoVectors]:
    """Serve inside the block."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
    server = make_server(
        "127.0.0.1", 0, create_backend_app("s3vectors"), threaded=True, request_handler=MotoRequestHandler
    )
    made = MotoVectors(f"http://127.0.0.1:{server.server_port}")
    create = S3VectorsResponse.create_index

    def create_index(self: S3VectorsResponse) -> Any:
        answer = create(self)
        index = _index(self)
        index.creation_time = CREATED
        if found := self._get_param("metadataConfiguration"):
            index.metadata_configuration = found
        return answer

    def list_vectors(self: S3VectorsResponse) -> Any:
        made.pages += 1
        made.before_page(made.pages)
        return ActionResult(_page(made, self))

    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    with (
        patch.object(S3VectorsResponse, "create_index", create_index),
        patch.object(S3VectorsResponse, "list_vectors", list_vectors),
    ):
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            s3vectors_backends.reset()


def _index(request: S3VectorsResponse) -> Any:
    named = (request._get_param(name) for name in ("vectorBucketName", "indexName", "indexArn"))
    return request.s3vectors_backend.get_index(*named)


def _page(made: MotoVectors, request: S3VectorsResponse) -> dict[str, Any]:
    """Return a page of one segment, in the order of the keys."""
    segments, segment = request._get_param("segmentCount", 1), request._get_param("segmentIndex", 0)
    token = request._get_param("nextToken")
    last = made.last_of(token, segment, segments) if token else ""
    index = _index(request)
    keys = sorted(key for key in list(index.vectors) if crc32(key.encode()) % segments == segment and key > last)
    found: list[dict[str, Any]] = []
    size = 0
    for key in keys:
        vector = index.vectors.get(key)
        if vector is None:
            continue
        one: dict[str, Any] = {"key": key}
        if request._get_bool_param("returnData", False):
            one["data"] = vector.data
        if request._get_bool_param("returnMetadata", False):
            one["metadata"] = vector.metadata
        size += len(json.dumps(one))
        if found and (len(found) == request._get_param("maxResults", 500) or size > made.page_bytes):
            return {"vectors": found, "nextToken": made.token(found[-1]["key"], segment, segments)}
        found.append(one)
    return {"vectors": found}
