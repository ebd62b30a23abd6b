"""Text search configurations of metadata keys, which are text fields of the index."""

from collections.abc import Collection, Sequence
from typing import Final

from vectord.edge.s3vectors.endpoint import check_enhanced
from vectord.edge.s3vectors.faults import FieldError, FieldsInvalid, repeated_keys
from vectord.edge.s3vectors.management_shapes import (
    MetadataConfigurationAdd,
    MetadataConfigurationDelete,
    TextSearchConfiguration,
)
from vectord.lhv1.bucket_index import BucketIndex
from vectord.lhv1.params import Params
from vectord.lhv1.text_fields import TextField, TextFields, of_texts

MAX_KEYS: Final = 10  # text search configurations of one index

_LANGUAGES: Final = {
    "de": "german",
    "en": "english",
    "es": "spanish",
    "fr": "french",
    "it": "italian",
    "nl": "dutch",
    "pt": "portuguese",
}
_CODES: Final = {language: code for code, language in _LANGUAGES.items()}
_WHERE: Final = "textSearchConfigurations"


def text_fields(configurations: Sequence[TextSearchConfiguration], where: str) -> TextFields:
    """Return the fields of text that some configurations declare; `where` is the path of their list.

    Texts in Chinese, Japanese and Korean are searched by pairs of characters, as without a language: there are no stems
    and no stop words. A `status` changes nothing: what GetIndex returned may be sent again.

    Raises:
        FieldsInvalid: a key has several configurations.
    """
    _check_distinct([one.metadata_key for one in configurations], where)
    return {one.metadata_key: TextField(_LANGUAGES.get(one.language or "")) for one in configurations}


def text_search_configurations(params: Params, searchable: Collection[str]) -> list[TextSearchConfiguration] | None:
    """Return the configurations that show the text fields of an index, None if it has none.

    The native API may have declared some in a language that has no code.
    """
    shown = [
        TextSearchConfiguration(
            metadata_key=path,
            language=_CODES.get(field.language or ""),
            status="ACTIVE" if path in searchable else "BUILDING",
        )
        for path, field in sorted(of_texts(params.text or {}).items())
    ]
    return shown or None


def with_added(stored: BucketIndex, present: TextFields, added: MetadataConfigurationAdd) -> TextFields:
    """Return the fields of an index with those that are added.

    Raises:
        RequestInvalid: the index is not ENHANCED, would have too many, or a key is added twice or is configured
            otherwise.
    """
    check_enhanced(stored, "UpdateMetadataConfiguration")
    where = f"add.{_WHERE}"
    new = text_fields(added.text_search_configurations or (), where)
    other = [
        FieldError(f"{where}[{position}]", f"{key!r} has another configuration: delete that first")
        for position, (key, field) in enumerate(new.items())
        if present.get(key, field) != field
    ]
    if other:
        raise _invalid(other)
    if len(present.keys() | new.keys()) > max(MAX_KEYS, len(present)):
        raise _invalid([FieldError(where, f"an index has at most {MAX_KEYS}, and this one has {len(present)} already")])
    return {**present, **new}


def without_deleted(stored: BucketIndex, present: TextFields, deleted: MetadataConfigurationDelete) -> TextFields:
    """Return the fields of an index without those that are deleted.

    Raises:
        RequestInvalid: the index is not ENHANCED, or a key is deleted twice or is not configured.
    """
    check_enhanced(stored, "UpdateMetadataConfiguration")
    where = f"delete.{_WHERE}"
    keys = [one.metadata_key for one in deleted.text_search_configurations or ()]
    _check_distinct(keys, where)
    absent = [
        FieldError(f"{where}[{position}].metadataKey", f"{key!r} has no text search configuration")
        for position, key in enumerate(keys)
        if key not in present
    ]
    if absent:
        raise _invalid(absent)
    return {path: field for path, field in present.items() if path not in keys}


def _check_distinct(keys: Sequence[str], where: str) -> None:
    if repeated := repeated_keys(keys, where):
        raise _invalid(repeated)


def _invalid(fields: Sequence[FieldError]) -> FieldsInvalid:
    return FieldsInvalid(f"Invalid text search configuration at {fields[0].path}: {fields[0].message}", fields)
