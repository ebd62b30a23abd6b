"""The destination: an index in a vector bucket of vectord.

The protocol of S3 Vectors creates it, because only that protocol knows vector buckets. The native API fills it, because
it accepts vectors as base64, and batches as large as a request. Fewer batches are fewer commits of the index.
"""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.command.errors import MigrationFailed
from tools.migrate.rows import Rows
from tools.migrate.source import Address, Description, code

NATIVE = "{bucket}_{index}"  # the name of the index in vectord's own API


@dataclass(frozen=True)
class Prepared:
    """What was found or created, in words; `created` says which."""

    message: str
    created: bool


class Destination:
    """Creates the vector bucket and the index; `rows` has the vectors."""

    def __init__(self, client: Any, address: Address, rows: Rows) -> None:
        self.client, self.address, self.rows = client, address, rows

    def prepare(self, wanted: Description) -> Prepared:
        """Create what does not exist yet, and say what was found or created.

        Raises:
            MigrationFailed: the index exists with other parameters, or may not be created.
        """
        named = {"vectorBucketName": self.address.bucket, "indexName": self.address.index}
        try:
            found = self.client.get_index(**named)["index"]
        except (BotoCoreError, ClientError) as error:
            if code(error) != "NotFoundException":
                raise _failed(error, f"{self.address} cannot be read at the destination") from error
        else:
            self._compare(found, wanted)
            message = f"exists with {self.rows.count():,} vectors; those with the same keys are replaced"
            return Prepared(message, created=False)
        made = " in a new vector bucket" if self._make_bucket(wanted) else ""
        self._make_index(wanted)
        return Prepared(f"created{made}", created=True)

    def _compare(self, found: dict[str, Any], wanted: Description) -> None:
        configuration = found.get("metadataConfiguration", {})
        hidden = configuration.get("nonFilterableMetadataKeys", ())
        searchable = [one["metadataKey"] for one in configuration.get("textSearchConfigurations", ())]
        pairs = (
            ("dimension", found["dimension"], wanted.dimension),
            ("distance metric", found["distanceMetric"], wanted.distance),
            ("non-filterable metadata keys", sorted(hidden), sorted(wanted.non_filterable)),
            ("searchable metadata keys", sorted(searchable), sorted(wanted.text_search)),
        )
        different = [f"{name} {ours}, and the source has {theirs}" for name, ours, theirs in pairs if ours != theirs]
        if different:
            raise MigrationFailed(
                f"{self.address} exists at the destination with {'; '.join(different)}. Delete it, or name "
                "another index with --to-index"
            )

    def _make_bucket(self, wanted: Description) -> bool:
        """Create the vector bucket, with the tags of the source's; False if it exists."""
        try:
            self.client.get_vector_bucket(vectorBucketName=self.address.bucket)
        except (BotoCoreError, ClientError) as error:
            if code(error) != "NotFoundException":
                raise _failed(error, f"the vector bucket {self.address.bucket} cannot be read") from error
        else:
            return False
        tags = {"tags": dict(wanted.bucket_tags)} if wanted.bucket_tags else {}
        try:
            self.client.create_vector_bucket(vectorBucketName=self.address.bucket, **tags)
        except (BotoCoreError, ClientError) as error:
            if code(error) == "ConflictException":
                return False
            raise _failed(error, f"the vector bucket {self.address.bucket} cannot be created") from error
        return True

    def _make_index(self, wanted: Description) -> None:
        more: dict[str, Any] = {"tags": dict(wanted.tags)} if wanted.tags else {}
        configuration: dict[str, Any] = {}
        if wanted.non_filterable:
            configuration["nonFilterableMetadataKeys"] = list(wanted.non_filterable)
        if wanted.text_search:
            configuration["textSearchConfigurations"] = [
                {"metadataKey": key} | ({"language": language} if language else {})
                for key, language in wanted.text_search.items()
            ]
        if configuration:
            more["metadataConfiguration"] = configuration
        try:
            self.client.create_index(
                vectorBucketName=self.address.bucket,
                indexName=self.address.index,
                dataType="float32",
                dimension=wanted.dimension,
                distanceMetric=wanted.distance,
                **more,
            )
        except (BotoCoreError, ClientError) as error:
            if code(error) == "ConflictException":
                native = NATIVE.format(bucket=self.address.bucket, index=self.address.index)
                raise MigrationFailed(
                    f"the name {native} is taken by an index that no vector bucket has. Delete it with the native API, "
                    "or name another index with --to-index"
                ) from error
            raise _failed(error, f"{self.address} cannot be created") from error


def _failed(error: BotoCoreError | ClientError, what: str) -> MigrationFailed:
    advice = ""
    if code(error) in {"AccessDeniedException", "403", "ForbiddenException"}:
        advice = " (sign with --authorization iam; the caller needs execute-api:Invoke on the API: docs/s3vectors.md)"
    return MigrationFailed(f"{what}: {error}{advice}")
