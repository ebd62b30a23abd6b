"""Reads from S3 by obstore: whole objects, their heads, and ranges of one ETag in parallel.

obstore takes 17 ms to import, and it signs and sends each request without the GIL.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from obstore.exceptions import BaseError
from obstore.store import S3Store as Client

from vectord.errors import ConditionFailed, StoreError, StoreRefused, StoreUnavailable
from vectord.storage.base import ByteRange, Data, NotModified, ObjectHead, StoredObject
from vectord.storage.container import ContainerCredentials
from vectord.storage.credentials import Credentials, credentials_chain
from vectord.storage.s3.begun import BegunReads, Following, Needed
from vectord.storage.s3.bucket import MAX_PARALLEL, Bucket
from vectord.storage.s3.errors import RangeNotSatisfiable, Unmodified, checked_etag, obstore_errors
from vectord.storage.workers import Workers

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult
    from obstore.store import ClientConfig, S3Config

_WHOLE_RESPONSE: Final = timedelta(minutes=15)  # as long as a function may run; obstore's default is 30 seconds


class ObstoreReader:
    """The objects of one bucket by key."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._cached: tuple[Credentials, Client] | None = None
        self._begun: BegunReads | None = None
        self._workers = Workers(MAX_PARALLEL, "s3-read")

    def get(self, key: str, known_etag: str | None) -> StoredObject | NotModified:
        try:
            data, result = _get(self._client(), key, _if_none_match(known_etag))
        except Unmodified:
            if known_etag is None:
                raise
            return NotModified()
        return StoredObject(bytes(data), checked_etag(result.meta["e_tag"]))

    def etag(self, key: str) -> str:
        client = self._client()
        with obstore_errors():
            return checked_etag(client.head(key)["e_tag"])

    def head(self, key: str, length: int, known_etag: str | None) -> ObjectHead | NotModified:
        begun = self._begun
        if begun is not None:
            if begun.takes_head(key, length, known_etag):
                return begun.head()
            self._begun = None
        return self._head(self._client(), key, length, known_etag)

    def begin(self, key: str, length: int, needed: Needed, following: Following) -> None:
        """Start to read a head and then ranges in another thread. The next reads of this thread get what they need.

        The head is longer than `length` if `needed` asks for more. The client is made in this thread: that takes 4 ms
        and the GIL.
        """
        client = self._client()

        def read_head() -> ObjectHead | NotModified:
            head = self._head(client, key, length, None)
            return _extended(client, key, head, needed(head)) if isinstance(head, ObjectHead) else head

        def read_ranges(etag: str, ranges: Sequence[ByteRange]) -> list[Data | StoreError]:
            return self._workers.map(partial(_read_or_error, client, key, etag), ranges)

        self._begun = BegunReads(key, length, read_head, following, read_ranges)

    def forget_begun(self) -> None:
        """Forget what was begun: a later request must not get it, because the object may have changed."""
        self._begun = None

    def _head(self, client: Client, key: str, length: int, known_etag: str | None) -> ObjectHead | NotModified:
        try:
            data, result = _get(client, key, {**_if_none_match(known_etag), "range": (0, length)})
        except Unmodified:
            if known_etag is None:
                raise
            return NotModified()
        except RangeNotSatisfiable:  # S3 refuses any range of an empty object
            return head_of(self.get(key, known_etag), length)
        size = result.meta["size"]
        if result.range != (0, min(length, size)) or len(data) != min(length, size):
            raise StoreUnavailable("the head is too short")
        return ObjectHead(data, checked_etag(result.meta["e_tag"]), size)

    def read(self, key: str, etag: str, ranges: Sequence[ByteRange]) -> list[Data]:
        begun, self._begun = self._begun, None
        if begun is None or not begun.has_ranges(key, etag):
            return self._read(key, etag, ranges)
        others = [each for each in ranges if not begun.covers(each)]
        found = dict(zip(others, self._read(key, etag, others), strict=True))  # beside what was begun
        found |= begun.read_of(ranges)
        failed = [each for each in ranges if each not in found]  # to be sent again, or to report the error
        found |= zip(failed, self._read(key, etag, failed), strict=True)
        return [found[each] for each in ranges]

    def _read(self, key: str, etag: str, ranges: Sequence[ByteRange]) -> list[Data]:
        def fetch(byte_range: ByteRange) -> Data:
            return _read_range(client, key, etag, byte_range) if byte_range[0] < byte_range[1] else b""

        if not ranges:
            return []
        client = self._client()
        if len(ranges) == 1:
            return [fetch(ranges[0])]
        return self._workers.map(fetch, ranges)

    def _client(self) -> Client:
        """Return a client with the current credentials, which change if they are temporary."""
        credentials = self._bucket.credentials or self._chain()
        if self._cached is None or self._cached[0] != credentials:
            self._cached = credentials, make_client(self._bucket, credentials)
        return self._cached[1]

    @cached_property
    def _chain(self) -> Callable[[], Credentials]:
        container = self._bucket.container
        return credentials_chain() if container is None else ContainerCredentials(container)


def make_client(bucket: Bucket, credentials: Credentials) -> Client:
    """Return an obstore client for a bucket. It sends each request once and keeps connections open."""
    url, timeouts = bucket.base_url, bucket.timeouts
    config: S3Config = {
        "endpoint": url,
        "aws_endpoint_url_s3": url,  # otherwise the environment's AWS_ENDPOINT_URL_S3 would win
        "virtual_hosted_style_request": bucket.addressing == "virtual",
        "region": bucket.region,
        "access_key_id": credentials.access_key,
        "secret_access_key": credentials.secret_key,
    }
    if credentials.token:
        config["session_token"] = credentials.token
    options: ClientConfig = {
        "allow_http": url.startswith("http:"),
        "connect_timeout": timedelta(seconds=timeouts.connect),
        "read_timeout": timedelta(seconds=timeouts.read),
        "timeout": _WHOLE_RESPONSE,
        "pool_max_idle_per_host": str(MAX_PARALLEL),
    }
    if bucket.ca_bundle:
        options["root_certificate"] = Path(bucket.ca_bundle).read_bytes()
    try:
        return Client(bucket.name, config=config, client_options=options, retry_config={"max_retries": 0})
    except BaseError:
        # Even over plain HTTP obstore needs certificate authorities. A machine without any uses those of botocore.
        options["root_certificate"] = _botocore_ca_bundle()
        return Client(bucket.name, config=config, client_options=options, retry_config={"max_retries": 0})


def _botocore_ca_bundle() -> bytes:
    """Return the certificate authorities that botocore ships, without its import."""
    spec = find_spec("botocore")
    if spec is None or spec.origin is None:
        raise StoreRefused("certificate authorities are missing")
    return Path(spec.origin).with_name("cacert.pem").read_bytes()


def head_of(whole: StoredObject | NotModified, length: int) -> ObjectHead | NotModified:
    """Return the head of an object of which all bytes were read."""
    if isinstance(whole, NotModified):
        return whole
    return ObjectHead(whole.data[:length], whole.etag, len(whole.data))


def _read_range(client: Client, key: str, etag: str, byte_range: ByteRange) -> Data:
    """Read one range of the object at `etag`. obstore compares neither the ETag nor the length with the request."""
    data, result = _get(client, key, {"range": byte_range, "if_match": etag})
    if checked_etag(result.meta["e_tag"]) != etag:
        raise ConditionFailed("ETag")
    if result.range != byte_range or len(data) != byte_range[1] - byte_range[0]:
        raise StoreUnavailable("the range is too short")
    return data


def _read_or_error(client: Client, key: str, etag: str, byte_range: ByteRange) -> Data | StoreError:
    """Read one range of the object at `etag`, or return the error of its request."""
    try:
        return _read_range(client, key, etag, byte_range)
    except StoreError as error:
        return error


def _extended(client: Client, key: str, head: ObjectHead, needed: int) -> ObjectHead:
    """Return the first `needed` bytes; the head as it is, if it has them, or if they cannot be read."""
    start, stop = len(head.data), min(needed, head.size)
    if start >= stop:
        return head
    with suppress(StoreError):  # the caller reads what it misses itself, and gets the error
        rest = _read_range(client, key, head.etag, (start, stop))
        return ObjectHead(b"".join((head.data, rest)), head.etag, head.size, head.requests + 1)
    return head


def _if_none_match(known_etag: str | None) -> "GetOptions":
    return {} if known_etag is None else {"if_none_match": known_etag}


def _get(client: Client, key: str, options: "GetOptions") -> "tuple[memoryview, GetResult]":
    """Return a response and its body, which stays in obstore's buffer."""
    with obstore_errors():
        result = client.get(key, options=options)
        return memoryview(result.bytes()), result
