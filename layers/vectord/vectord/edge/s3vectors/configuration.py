"""What vectord accepts of the configuration of vector buckets and indexes, and why it refuses the rest."""

from typing import Final

from vectord.edge.s3vectors.management_shapes import EncryptionConfiguration, MetadataConfiguration
from vectord.edge.s3vectors.text_configuration import text_fields, text_search_configurations
from vectord.errors import RequestInvalid
from vectord.lhv1.bucket_index import IndexMode
from vectord.lhv1.text_fields import TextFields
from vectord.service.buckets.values import DescribedIndex

AES256: Final = EncryptionConfiguration(sse_type="AES256")


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
    """Return the non-filterable metadata keys of a configuration, each once."""
    return () if found is None else tuple(dict.fromkeys(found.non_filterable_metadata_keys or ()))


def new_text_fields(found: MetadataConfiguration | None) -> TextFields | None:
    """Return the text fields that a configuration declares, None if it declares none.

    Raises:
        FieldsInvalid: a key has several text search configurations.
    """
    configurations = found and found.text_search_configurations
    return text_fields(configurations, "metadataConfiguration.textSearchConfigurations") if configurations else None


def metadata_configuration(found: DescribedIndex) -> MetadataConfiguration | None:
    """Return the configuration of an index, None if it has neither non-filterable metadata keys nor text fields."""
    texts = text_search_configurations(found.params, found.searchable)
    if not found.stored.non_filterable and texts is None:
        return None
    return MetadataConfiguration(
        non_filterable_metadata_keys=list(found.stored.non_filterable) or None, text_search_configurations=texts
    )
