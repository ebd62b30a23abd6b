"""The S3 store: one object `<prefix>/<name>.lhv1` an index. The only module that knows boto3 and botocore."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal

import boto3
from botocore import exceptions as boto_errors
from botocore.config import Config
from botocore.parsers import ResponseParserError

from vectord import params
from vectord.errors import (
    ConditionFailed,
    ObjectMissing,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    WriteConflict,
)
from vectord.stores.protocol import Condition, Fetched, Head, IfAbsent, IfMatch, Listed, Page, Source, Span, Unchanged

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SUFFIX: Final = ".lhv1"
_PAGE: Final = 1_000  # what one ListObjectsV2 answers at most

# Codes as S3's error reference has them; HEAD-like answers without a body carry the bare status instead.
_BY_CODE: Final[dict[str, type[StoreError]]] = {
    "PreconditionFailed": ConditionFailed,
    "412": ConditionFailed,
    "ConditionalRequestConflict": WriteConflict,
    "OperationAborted": WriteConflict,
    "NoSuchKey": ObjectMissing,
    "404": ObjectMissing,
    "RequestTimeout": StoreUnavailable,
    "SlowDown": StoreUnavailable,
}

# No answer, half an answer, or one that is not S3's: what happened is unknown.
_NO_ANSWER: Final = (
    boto_errors.HTTPClientError,
    boto_errors.ConnectionError,
    boto_errors.IncompleteReadError,
    ResponseParserError,
)


def make_client(endpoint: str | None = None, addressing: Literal["auto", "virtual"] = "auto") -> "S3Client":
    """Return an S3 client that tries each request once; the service repeats, since it knows what may be repeated.

    `endpoint` is a URL that stands in for S3, addressed by path, because its host has no name for each bucket. With
    `virtual` addressing a link to upload to names the bucket's region, as new buckets outside us-east-1 need it.
    """
    config = Config(
        connect_timeout=1,
        read_timeout=5,
        retries={"total_max_attempts": 1},
        signature_version="s3v4",  # for links to upload to as well
        # Each section of a blob carries its own crc32, which is checked at every read.
        response_checksum_validation="when_required",
        s3={"addressing_style": "path" if endpoint else addressing},
    )
    return boto3.client("s3", endpoint_url=endpoint, config=config)


class S3Store:
    """A Store of one bucket under one prefix; `connect` returns the client, made at the first call."""

    def __init__(self, bucket: str, prefix: str, connect: "Callable[[], S3Client]") -> None:
        self._bucket, self._prefix, self._connect = bucket, prefix, connect

    @property
    def _client(self) -> "S3Client":
        return self._connect()

    def get(self, name: str, held: str | None = None) -> Fetched | Unchanged:
        condition: Any = {} if held is None else {"IfNoneMatch": held}
        try:
            with classified():
                answer = self._client.get_object(Bucket=self._bucket, Key=self._key(name), **condition)
                return Fetched(answer["Body"].read(), answer["ETag"])
        except _NotModified:
            return Unchanged()

    def etag(self, name: str) -> str:
        with classified():
            return self._client.head_object(Bucket=self._bucket, Key=self._key(name))["ETag"]

    def put(self, name: str, data: bytes, condition: Condition, commit: str) -> str:
        terms: Any = {"IfNoneMatch": "*"} if isinstance(condition, IfAbsent) else {"IfMatch": condition.etag}
        with classified():
            answer = self._client.put_object(
                Bucket=self._bucket,
                Key=self._key(name),
                Body=data,
                ContentType="application/octet-stream",
                Metadata={"commit": commit},
                **terms,
            )
            return answer["ETag"]

    def head(self, name: str, most: int, held: str | None = None) -> Head | Unchanged:
        raise NotImplementedError

    def read(self, name: str, etag: str, spans: Sequence[Span]) -> list[bytes]:
        raise NotImplementedError

    def splice(self, name: str, head: bytes, source: Source, tail: bytes, *, condition: Condition, commit: str) -> str:
        raise NotImplementedError

    def stage(self, name: str, parts: Iterable[bytes]) -> str:
        raise NotImplementedError

    def discard(self, name: str) -> None:
        raise NotImplementedError

    def delete(self, name: str, condition: IfMatch) -> None:
        with classified():
            self._client.delete_object(Bucket=self._bucket, Key=self._key(name), IfMatch=condition.etag)

    def list(self, prefix: str, limit: int, after: str | None) -> Page:
        found: list[Listed] = []
        for listed in self._listing(prefix, after):
            if len(found) == limit:
                return Page(tuple(found), found[-1].name)
            found.append(listed)
        return Page(tuple(found), None)

    def _listing(self, prefix: str, after: str | None) -> Iterator[Listed]:
        terms: Any = {"StartAfter": self._key(after)} if after else {}
        while True:
            with classified():
                answer = self._client.list_objects_v2(
                    Bucket=self._bucket, Prefix=self._folder + prefix, Delimiter="/", MaxKeys=_PAGE, **terms
                )
            for entry in answer.get("Contents", ()):
                name = entry["Key"].removeprefix(self._folder).removesuffix(SUFFIX)
                if entry["Key"].endswith(SUFFIX) and params.is_name(name) and name.startswith(prefix):
                    yield Listed(name, entry["Size"], entry["LastModified"])
            if not answer["IsTruncated"]:
                return
            terms = {"ContinuationToken": answer["NextContinuationToken"]}

    @property
    def _folder(self) -> str:
        return f"{self._prefix}/" if self._prefix else ""

    def _key(self, name: str) -> str:
        return f"{self._folder}{name}{SUFFIX}"


class _NotModified(StoreError):
    pass


@contextmanager
def classified() -> Iterator[None]:
    """Turn what botocore raises into the store's errors, by the response's code and status, never by words."""
    try:
        yield
    except boto_errors.ClientError as error:
        raise _of_response(error) from error
    except _NO_ANSWER as error:
        raise StoreUnavailable(type(error).__name__) from error
    except boto_errors.BotoCoreError as error:
        # Credentials, region, parameters: nothing was sent.
        raise StoreRefused(type(error).__name__) from error


def _of_response(error: boto_errors.ClientError) -> StoreError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _BY_CODE:
        return _BY_CODE[code](code)
    if status == 304:
        return _NotModified(code)
    return StoreUnavailable(code) if status >= 500 or status == 429 else StoreRefused(code)
