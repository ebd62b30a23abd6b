"""The source: any endpoint of S3 Vectors, read through boto3."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.command.errors import MigrationFailed

PAGE = 1_000  # the most vectors that ListVectors returns; a page with data ends at about 1 MB before that
GET = 100  # the most keys of GetVectors

_ADDRESS = r"(?:arn:[^:]+:s3vectors:[^:]*:\d*:bucket/)?(?P<bucket>[^/_]{3,63})/(?:index/)?(?P<index>[^/_]{3,63})"

type Vector = dict[str, Any]  # key, data, metadata, as ListVectors returns them


@dataclass(frozen=True)
class Address:
    """A vector bucket and an index in it."""

    bucket: str
    index: str

    def __str__(self) -> str:
        return f"{self.bucket}/{self.index}"


def parse_address(text: str) -> Address:
    """Return the address that `BUCKET/INDEX`, or the ARN of an index, names.

    Raises:
        MigrationFailed: the text is neither.
    """
    if not (found := re.fullmatch(_ADDRESS, text)):
        raise MigrationFailed(f"{text!r} does not name an index: write VECTOR-BUCKET/INDEX, or the ARN of the index")
    return Address(found["bucket"], found["index"])


@dataclass(frozen=True)
class Description:
    """The parameters of an index, its tags and those of its vector bucket, and what cannot be copied.

    `text_search` has the language of each searchable metadata key, None for no language.
    """

    dimension: int
    distance: str
    non_filterable: tuple[str, ...]
    text_search: Mapping[str, str | None]
    created: str
    tags: Mapping[str, str]
    bucket_tags: Mapping[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """A page of a segment; `token` continues it, None at the end."""

    vectors: Sequence[Vector]
    token: str | None


class TokenRefused(Exception):
    """The source does not accept a token of an earlier page: it has expired, or belongs to another index."""


class Source:
    """Reads one index. Every method raises MigrationFailed for what a retry by botocore did not solve."""

    def __init__(self, client: Any, address: Address) -> None:
        self._client, self.address = client, address
        self._named = {"vectorBucketName": address.bucket, "indexName": address.index}

    def describe(self) -> Description:
        """Return the parameters and tags of the index.

        Raises:
            MigrationFailed: the index does not exist, or may not be read.
        """
        index = self._call(self._client.get_index, **self._named)["index"]
        bucket = self._call(self._client.get_vector_bucket, vectorBucketName=self.address.bucket)["vectorBucket"]
        notes: list[str] = []
        configuration = index.get("metadataConfiguration", {})
        if index.get("encryptionConfiguration", bucket.get("encryptionConfiguration", {})).get("sseType") == "aws:kms":
            notes.append("the source is encrypted with a KMS key; the copy has the encryption of vectord's bucket")
        return Description(
            index["dimension"],
            index["distanceMetric"],
            tuple(configuration.get("nonFilterableMetadataKeys", ())),
            {one["metadataKey"]: one.get("language") for one in configuration.get("textSearchConfigurations", ())},
            _seconds(index.get("creationTime")),
            self._tags(index["indexArn"], "index", notes),
            self._tags(bucket["vectorBucketArn"], "vector bucket", notes),
            tuple(notes),
        )

    def page(self, segment: int, segments: int, token: str | None, *, whole: bool = True) -> Page:
        """Read a page of a segment: keys, data and metadata, or keys alone.

        Raises:
            TokenRefused: the source does not accept `token`.
        """
        continued = {"nextToken": token} if token else {}
        shown = {"maxResults": PAGE, "returnData": whole, "returnMetadata": whole}
        found = self._list(segment, segments, **shown, **continued)
        return Page(found["vectors"], found.get("nextToken"))

    def _list(self, segment: int, segments: int, **parameters: Any) -> Any:
        divided = {"segmentCount": segments, "segmentIndex": segment} if segments > 1 else {}
        try:
            return self._client.list_vectors(**self._named, **divided, **parameters)
        except (BotoCoreError, ClientError) as error:
            if "nextToken" in parameters and code(error) == "ValidationException":
                raise TokenRefused(str(error)) from error
            raise failed(error, f"{self.address} cannot be listed") from error

    def divides(self, segments: int) -> bool:
        """Return True if the source divides a listing into segments.

        An implementation that ignores segmentCount, as moto's, lists every vector in every segment. It is recognized by
        two segments that begin with the same key.
        """
        if segments == 1:
            return True
        first, last = (self._list(number, segments, maxResults=1)["vectors"][:1] for number in (0, segments - 1))
        return not first or not last or first[0]["key"] != last[0]["key"]

    def vectors(self, keys: Sequence[str]) -> list[Vector]:
        """Return the vectors of up to 100 keys with data and metadata; those that do not exist are left out.

        If the source refuses the request, which vectord does if the answer would be too large, it is divided.
        """
        shown = {"returnData": True, "returnMetadata": True}
        try:
            found: list[Vector] = self._client.get_vectors(**self._named, keys=keys, **shown)["vectors"]
        except (BotoCoreError, ClientError) as error:
            if code(error) == "ValidationException" and len(keys) > 1:
                half = len(keys) // 2
                return self.vectors(keys[:half]) + self.vectors(keys[half:])
            raise failed(error, f"{self.address} cannot be read") from error
        return found

    def _tags(self, arn: str, what: str, notes: list[str]) -> Mapping[str, str]:
        try:
            found = self._client.list_tags_for_resource(resourceArn=arn)
        except (BotoCoreError, ClientError) as error:
            notes.append(f"the tags of the {what} are not copied: {error}")
            return {}
        tags: Mapping[str, str] = found["tags"]
        return tags

    def _call(self, operation: Callable[..., Any], **parameters: Any) -> Any:
        try:
            return operation(**parameters)
        except (BotoCoreError, ClientError) as error:
            raise failed(error, f"{self.address} cannot be read") from error


def _seconds(time: datetime | None) -> str:
    """Return a time as seconds, which do not depend on the time zone of this machine."""
    return "" if time is None else str(time.timestamp())


def code(error: BotoCoreError | ClientError) -> str:
    """Return the name of an error of the service; an empty text for one of the client or the network."""
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else ""


def failed(error: BotoCoreError | ClientError, what: str) -> MigrationFailed:
    """Return an error that says what failed and what to do about it."""
    advice = {
        "NotFoundException": "check the names, the region and the endpoint",
        "AccessDeniedException": "the source needs s3vectors:GetIndex, GetVectorBucket, ListVectors and GetVectors",
    }.get(code(error))
    return MigrationFailed(f"{what}: {error}" + (f" ({advice})" if advice else ""))
