"""What vectord accepts of the configuration of vector buckets and indexes, and why it refuses the rest."""

from typing import Final

from vectord.edge.s3vectors.management_shapes import EncryptionConfiguration, MetadataConfiguration
from vectord.errors import RequestInvalid
from vectord.lhv1.bucket_index import IndexMode

AES256: Final = EncryptionConfiguration(sse_type="AES256")
NO_TEXT_SEARCH: Final = (
    "Text search is not available in this vectord, so textSearchConfigurations must be empty. "
    "Use metadata filters instead."
)


def check_encryption(found: EncryptionConfiguration | None) -> None:
    """Raise RequestInvalid unless an encryption configuration is absent or AES256."""
    if found is None:
        return
    if found.sse_type == "aws:kms":
        raise RequestInvalid(
            "sseType must be AES256: S3 encrypts each object as its bucket says, and vectord does not choose keys for "
            "vector buckets. To use a KMS key, set it as the default encryption of the S3 bucket of this deployment."
        )
    if found.kms_key_arn is not None:
        raise RequestInvalid("kmsKeyArn is allowed only with sseType aws:kms, which this vectord does not support")


def index_mode(text: str) -> IndexMode:
    """Return a checked text as an index mode."""
    return "CLASSIC" if text == "CLASSIC" else "ENHANCED"


def non_filterable_keys(found: MetadataConfiguration | None) -> tuple[str, ...]:
    """Return the non-filterable metadata keys of a configuration, each once.

    Raises:
        RequestInvalid: it configures text search.
    """
    if found is None:
        return ()
    if found.text_search_configurations:
        raise RequestInvalid(NO_TEXT_SEARCH)
    return tuple(dict.fromkeys(found.non_filterable_metadata_keys or ()))


def metadata_configuration(non_filterable: tuple[str, ...]) -> MetadataConfiguration | None:
    """Return the configuration that shows non-filterable metadata keys, None if there are none."""
    return MetadataConfiguration(non_filterable_metadata_keys=list(non_filterable)) if non_filterable else None
