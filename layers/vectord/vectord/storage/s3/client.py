"""boto3's clients for S3 and Lambda: each request is sent once, and only a complete response counts.

The service repeats requests, because it knows which of them may be repeated. boto3 is imported when the first client is
made: that takes 0.27 s, which a search does not spend.
"""

from base64 import b64encode
from collections.abc import Callable
from functools import cache
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal
from zlib import crc32

from vectord.errors import StoreUnavailable
from vectord.storage.s3.bucket import MAX_PARALLEL, Bucket, Timeouts
from vectord.storage.s3.credentials import Credentials
from vectord.storage.s3.errors import botocore_errors

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_s3 import S3Client

CHECKSUM_HEADER: Final = "x-amz-checksum-crc32"
_PIECE: Final = 1 << 18
_BODILESS: Final = (204, 304)
# Operations whose response is an XML document, and its root element.
_ROOTS: Final = {
    "CreateMultipartUpload": b"<InitiateMultipartUploadResult",
    "UploadPartCopy": b"<CopyPartResult",
    "CompleteMultipartUpload": b"<CompleteMultipartUploadResult",
    "ListObjectsV2": b"<ListBucketResult",
    "ListObjectVersions": b"<ListVersionsResult",
}
_session_lock = Lock()  # a session must not make two clients at a time
_WORKS: Final = ("UploadPartCopy", "CompleteMultipartUpload")  # S3 works before it can answer


class Lazy[T]:
    """Makes a client at the first call and returns the same one after; safe to call from several threads."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make, self._lock = make, Lock()
        self._made: T | None = None

    def __call__(self) -> T:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made


def s3_client(bucket: Bucket) -> "S3Client":
    """Return a client for S3 with the address, credentials and timeouts of a bucket.

    Raises:
        StoreRefused: the profile is missing.
    """
    config = once(
        bucket.timeouts,
        MAX_PARALLEL,
        use_fips_endpoint=bucket.fips or None,
        signature_version="s3v4",  # for presigned links too
        # We send a CRC-32 with each object and part. Sections have checksums of their own, compared at every read.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # A new bucket outside us-east-1 answers its name without a region by a redirect.
        s3={"addressing_style": bucket.addressing, "us_east_1_regional_endpoint": "regional"},
    )
    client: S3Client = boto_client("s3", bucket.region, bucket.endpoint, bucket.credentials, config)
    events = client.meta.events
    events.register_last("before-parameter-build.s3", _follow_no_redirect)
    events.register_last(
        "before-call.s3", lambda model, params, **_: _prepare(model.name, params, bucket.timeouts.work)
    )
    events.register_first("before-parse.s3", check_complete)
    events.register_last("before-parse.s3.ListObjectVersions", _keep_order)
    return client


def once(timeouts: Timeouts, connections: int, **more: Any) -> "Config":
    """Return the configuration of a client that sends each request once."""
    from botocore.config import Config  # noqa: PLC0415 - see above

    return Config(
        connect_timeout=timeouts.connect,
        read_timeout=timeouts.read,
        retries={"total_max_attempts": 1},
        max_pool_connections=connections,
        **more,
    )


def boto_client(
    service: Literal["s3", "lambda"],
    region: str,
    endpoint: str | None,
    credentials: Credentials | None,
    config: "Config",
) -> Any:
    """Return a client of boto3. Without `credentials` a session of its own finds them and renews them.

    Raises:
        StoreRefused: the profile is missing.
    """
    import boto3.session  # noqa: PLC0415 - see above

    with _session_lock, botocore_errors():
        if credentials is None:
            return boto3.session.Session().client(service, region, endpoint_url=endpoint, config=config)
        return _shared_session().client(
            service,
            region,
            endpoint_url=endpoint,
            config=config,
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            aws_session_token=credentials.token,
        )


@cache
def _shared_session() -> "Session":
    """Return a session whose second client is made in 5 to 13 ms instead of 80."""
    import boto3.session  # noqa: PLC0415 - see above

    return boto3.session.Session()


def checked_body(data: bytes) -> dict[str, Any]:
    """Return a body and its checksum as arguments; S3 refuses a body that arrives as something else."""
    return {"Body": _Body(data), "ChecksumCRC32": b64encode(crc32(data).to_bytes(4)).decode()}


class _Body(BytesIO):
    """A body that is sent in pieces of 256 KiB, since the timeout of a socket applies to all bytes of one call."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(max(size, _PIECE) if size and size > 0 else size)


def _follow_no_redirect(context: dict[str, Any], **_: Any) -> None:
    """Mark the request as redirected already, or botocore would ask for the bucket's region and send it again."""
    context["s3_redirect"]["redirected"] = True


def _prepare(operation: str, params: dict[str, Any], work: float) -> None:
    """Set the timeout of an operation, and how its body is sent."""
    if operation in _WORKS:
        params["context"]["read_timeout"] = work
    # botocore would wait for 100 Continue before it sends a file-like body.
    params["headers"].pop("Expect", None)
    if CHECKSUM_HEADER in params["headers"]:
        # The signed checksum covers the body: over TLS botocore then does not hash the body as well.
        algorithm = {"algorithm": "crc32", "in": "header", "name": CHECKSUM_HEADER}
        params["context"]["checksum"] = {"request_algorithm": algorithm}


def check_complete(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
    """Raise StoreUnavailable for a response that was cut, or that is not S3's; botocore does not compare lengths."""
    status, headers, body = response_dict["status_code"], response_dict["headers"], response_dict["body"]
    if status in _BODILESS:
        return
    length = headers.get("content-length")
    if length is None and "transfer-encoding" not in headers:
        raise StoreUnavailable("incomplete response headers")
    if not isinstance(body, bytes):  # a stream compares its length when it is read
        return
    if length is not None and length != str(len(body)):
        raise StoreUnavailable("incomplete response body")
    root = _ROOTS.get(operation_model.name)
    if status == 200 and root and ((root not in body and b"<Error" not in body) or b"<!DOCTYPE" in body):
        raise StoreUnavailable("a response to another request")


def _keep_order(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Add `Order`: key and id of each version and deletion as S3 lists them; botocore returns two separate lists."""
    from xml.etree import ElementTree  # noqa: PLC0415 - botocore has imported it

    try:
        root = ElementTree.fromstring(response_dict["body"])
    except ElementTree.ParseError as error:
        raise StoreUnavailable("an incomplete listing") from error
    entries = [entry for entry in root if _tag(entry) in ("Version", "DeleteMarker")]
    customized_response_dict["Order"] = [
        tuple(next((field.text or "" for field in entry if _tag(field) == name), "") for name in ("Key", "VersionId"))
        for entry in entries
    ]


def _tag(element: "Element") -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2]
