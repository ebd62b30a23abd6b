"""boto3's client for S3, and handlers where botocore does not keep a store's promises by itself."""

from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

from vectord.errors import StoreUnavailable
from vectord.storage.boto import boto_client, check_complete, once
from vectord.storage.s3.bucket import MAX_PARALLEL, Bucket

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from mypy_boto3_s3 import S3Client

CHECKSUM_HEADER: Final = "x-amz-checksum-crc32"
_PIECE: Final = 1 << 18
# Operations whose response is an XML document, and its root element.
_ROOTS: Final = {
    "CreateMultipartUpload": b"<InitiateMultipartUploadResult",
    "UploadPartCopy": b"<CopyPartResult",
    "CompleteMultipartUpload": b"<CompleteMultipartUploadResult",
    "ListObjectsV2": b"<ListBucketResult",
    "ListObjectVersions": b"<ListVersionsResult",
}
_WORKS: Final = ("UploadPartCopy", "CompleteMultipartUpload")  # S3 works before it can answer


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
    events.register_first("before-parse.s3", _check_root)
    events.register_last("before-parse.s3.ListObjectVersions", _keep_order)
    return client


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


def _check_root(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
    """Raise StoreUnavailable for a document that is not S3's response to the request, for example a login page."""
    root, body = _ROOTS.get(operation_model.name), response_dict["body"]
    if response_dict["status_code"] != 200 or root is None or b"<Error" in body:
        return  # botocore reports an error that comes with the status 200
    if root not in body or b"<!DOCTYPE" in body:
        raise StoreUnavailable("a response to another request")


def _keep_order(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Add `Order`: key and id of each version and deletion as S3 lists them; botocore returns two separate lists."""
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
