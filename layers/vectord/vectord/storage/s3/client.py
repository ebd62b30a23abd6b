"""The boto3 client for S3, with event handlers for the guarantees of a store that botocore does not give."""

from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

from vectord.errors import StoreUnavailable
from vectord.storage.boto import boto_client, check_complete, single_attempt_config
from vectord.storage.s3.bucket import MAX_PARALLEL, Bucket

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from mypy_boto3_s3 import S3Client

CHECKSUM_HEADER: Final = "x-amz-checksum-crc32"
_SEND_BYTES: Final = 1 << 18
# Operations whose response is an XML document, and its root element.
_ROOTS: Final = {
    "CreateMultipartUpload": b"<InitiateMultipartUploadResult",
    "UploadPartCopy": b"<CopyPartResult",
    "CompleteMultipartUpload": b"<CompleteMultipartUploadResult",
    "ListObjectsV2": b"<ListBucketResult",
    "ListObjectVersions": b"<ListVersionsResult",
    "ListMultipartUploads": b"<ListMultipartUploadsResult",
    "DeleteObjects": b"<DeleteResult",
}
_SLOW_OPERATIONS: Final = ("UploadPartCopy", "CompleteMultipartUpload")  # S3 copies or assembles bytes first


def s3_client(bucket: Bucket) -> "S3Client":
    """Return a client for S3 with the address, credentials and timeouts of a bucket.

    Raises:
        StoreRefused: the profile is missing.
    """
    config = single_attempt_config(
        bucket.timeouts,
        MAX_PARALLEL,
        use_fips_endpoint=bucket.fips or None,
        signature_version="s3v4",  # for presigned links too
        # We send a CRC-32 with each object and part. Sections have checksums of their own, compared at every read.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # S3 redirects requests for a new bucket outside us-east-1 if the host name has no region.
        s3={"addressing_style": bucket.addressing, "us_east_1_regional_endpoint": "regional"},
    )
    client: S3Client = boto_client("s3", bucket.region, bucket.endpoint, bucket.credentials, config)
    events = client.meta.events
    events.register_last("before-parameter-build.s3", _disable_redirect)
    events.register_last(
        "before-call.s3", lambda model, params, **_: _prepare_request(model.name, params, bucket.timeouts.work)
    )
    events.register_first("before-parse.s3", _check_root)
    events.register_first("before-parse.s3", check_complete)
    events.register_last("before-parse.s3.ListObjectVersions", _add_order)
    return client


def body_with_checksum(data: bytes) -> dict[str, Any]:
    """Return the arguments for a body and its CRC-32; S3 refuses a body that does not match the checksum."""
    return {"Body": _Body(data), "ChecksumCRC32": b64encode(crc32(data).to_bytes(4)).decode()}


class _Body(BytesIO):
    """A body that is sent in pieces of 256 KiB, since the timeout of a socket applies to all bytes of one call."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(max(size, _SEND_BYTES) if size and size > 0 else size)


def _disable_redirect(context: dict[str, Any], **_: Any) -> None:
    """Mark the request as already redirected, or botocore would look up the bucket's region and send it again."""
    context["s3_redirect"]["redirected"] = True


def _prepare_request(operation: str, params: dict[str, Any], work_timeout: float) -> None:
    """Set the timeout of a request, and the headers and checksum with which its body is sent."""
    if operation in _SLOW_OPERATIONS:
        params["context"]["read_timeout"] = work_timeout
    # botocore would wait for 100 Continue before it sends a file-like body.
    params["headers"].pop("Expect", None)
    if CHECKSUM_HEADER in params["headers"]:
        # The signed checksum covers the body: over TLS botocore then does not hash the body as well.
        algorithm = {"algorithm": "crc32", "in": "header", "name": CHECKSUM_HEADER}
        params["context"]["checksum"] = {"request_algorithm": algorithm}


def _check_root(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
    """Raise StoreUnavailable for a document that is not S3's response to the request, for example a login page."""
    root, body = _ROOTS.get(operation_model.name), response_dict["body"]
    if response_dict["status_code"] != 200 or root is None or b"<Error" in body:
        return  # botocore reports an error that comes with the status 200
    if root not in body or b"<!DOCTYPE" in body:
        raise StoreUnavailable("a response to another request")


def _add_order(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Add `Order`: key and id of each version and deletion in S3's order, since botocore returns two separate lists."""
    from xml.etree import ElementTree  # noqa: PLC0415 - botocore has imported it

    if response_dict["status_code"] != 200:
        return
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
