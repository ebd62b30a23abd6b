"""Writes to S3, and listings, by boto3: imported at the first of them, since a search makes none."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vectord.stores.protocol import Condition, IfAbsent, IfMatch, Source
from vectord.stores.s3_client import classified
from vectord.stores.s3_multipart import Upload, copied

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

_PAGE: Final = 1_000  # what one ListObjectsV2 answers at most
_PARTS_COPIED: Final = 16  # side by side; S3 does the work
_PARTS_SENT: Final = 4  # side by side, and in memory
_BINARY: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class S3Writes:
    """The objects of one bucket by key."""

    client: "S3Client"
    bucket: str

    def put(self, key: str, data: bytes, condition: Condition, commit: str) -> str:
        with classified():
            answer = self.client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=data,
                ContentType=_BINARY,
                Metadata={"commit": commit},
                **_terms(condition),
            )
            return answer["ETag"]

    def splice(self, key: str, head: bytes, source: Source, tail: bytes, *, condition: Condition, commit: str) -> str:
        """Write `head`, the bytes of `source`, whose name is a key here, and `tail`."""
        parts: list[bytes | Source] = [head, *copied(source), *([tail] if tail else [])]
        with Upload(self.client, self.bucket, key, ContentType=_BINARY, Metadata={"commit": commit}) as upload:
            return upload.complete(upload.send(parts, _PARTS_COPIED), **_terms(condition))

    def stage(self, key: str, parts: Iterable[bytes]) -> str:
        with Upload(self.client, self.bucket, key, ContentType=_BINARY) as upload:
            return upload.complete(upload.send(parts, _PARTS_SENT))

    def delete(self, key: str, condition: IfMatch | None) -> None:
        terms = {} if condition is None else _terms(condition)
        with classified():
            self.client.delete_object(Bucket=self.bucket, Key=key, **terms)

    def listing(self, prefix: str, after: str | None) -> "Iterator[ObjectTypeDef]":
        """Yield the objects whose keys start with `prefix` and have no further `/`, after the key `after`."""
        terms: Any = {"StartAfter": after} if after else {}
        while True:
            with classified():
                answer = self.client.list_objects_v2(
                    Bucket=self.bucket, Prefix=prefix, Delimiter="/", MaxKeys=_PAGE, **terms
                )
            yield from answer.get("Contents", ())
            if not answer["IsTruncated"]:
                return
            terms = {"ContinuationToken": answer["NextContinuationToken"]}


def _terms(condition: Condition) -> Any:
    return {"IfNoneMatch": "*"} if isinstance(condition, IfAbsent) else {"IfMatch": condition.etag}
