"""A key whose texts no build has had yet is BUILDING, and is not searched."""

import pytest
from msgspec import structs

from tests.support import vectors as v
from vectord.edge.s3vectors.faults import FieldsInvalid
from vectord.edge.s3vectors.query_texts import Texts
from vectord.edge.s3vectors.text_configuration import text_search_configurations
from vectord.edge.s3vectors.vector_shapes import QueryText
from vectord.lhv1.bucket_index import BucketIndex
from vectord.lhv1.text_fields import TextField

FIELDS = {"title": TextField(None), "plot": TextField()}
TEXTS = Texts([QueryText(text="words", metadata_key=key) for key in FIELDS], scores=False)


def test_get_index_shows_which_keys_are_building() -> None:
    shown = text_search_configurations(v.empty(2, text=FIELDS).params, {"plot"})
    assert [(one.metadata_key, one.language, one.status) for one in shown or ()] == [
        ("plot", "en", "ACTIVE"),
        ("title", None, "BUILDING"),
    ]


def test_a_query_for_a_key_that_is_building_is_refused() -> None:
    empty = v.empty(2, text=FIELDS)
    TEXTS.check(empty, BucketIndex(1))
    filled = structs.replace(v.with_items(empty, [v.item("a", [1, 1])]), text_fields={})
    with pytest.raises(FieldsInvalid, match="still being built") as refused:
        TEXTS.check(filled, BucketIndex(1))
    assert [one.path for one in refused.value.fields] == [f"queryTexts[{n}].metadataKey" for n in (0, 1)]
    of_title = structs.replace(filled, text_fields=dict.fromkeys(FIELDS, TextField(None)))
    with pytest.raises(FieldsInvalid, match="still being built") as refused:
        TEXTS.check(of_title, BucketIndex(1))
    assert [one.path for one in refused.value.fields] == ["queryTexts[1].metadataKey"]
