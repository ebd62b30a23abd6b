"""The text fields of an index in a vector bucket: declared in one commit, searched once a build has them."""

import pytest

from tests.support.compactions import (
    DIMENSION,
    RecordedInvocations,
    a_compaction,
    a_service_with_builds,
    compact,
    vectors,
)
from tests.support.scripted_store import ScriptedStore
from tests.support.services import FOREVER, Clock
from vectord.lhv1.text_fields import TextField
from vectord.service.buckets.buckets import VectorBuckets
from vectord.service.buckets.values import DescribedIndex, NewBucketIndex

OF, SEED = TextField(), TextField(None)


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore(least_part=1)


@pytest.fixture
def invoked() -> RecordedInvocations:
    return RecordedInvocations()


@pytest.fixture
def buckets(store: ScriptedStore, invoked: RecordedInvocations) -> VectorBuckets:
    """The bucket `films` with the index `all`, whose 20 rows are built; builds are left to the compaction."""
    service = a_service_with_builds(store, invoked, memory=0, clock=Clock())
    service.buckets.create("films", {}, FOREVER)
    service.buckets.create_index("films", NewBucketIndex("all", DIMENSION, "cosine", text={"of": OF}), FOREVER)
    service.add("films_all", vectors(*map(str, range(20))), FOREVER)
    compact(a_compaction(store), name="films_all")
    invoked.names.clear()
    return service.buckets


def declare(buckets: VectorBuckets, *paths: str) -> DescribedIndex:
    return buckets.change_text("films", "all", lambda _, present: {**present, **dict.fromkeys(paths, SEED)}, FOREVER)


def test_a_new_field_is_searchable_after_the_compaction_that_is_requested(
    store: ScriptedStore, buckets: VectorBuckets, invoked: RecordedInvocations
) -> None:
    assert buckets.describe_index("films", "all", FOREVER).searchable == {"of"}
    declared = declare(buckets, "seed")
    assert (declared.params.text, declared.searchable) == ({"of": OF, "seed": SEED}, {"of"})
    assert buckets.describe_index("films", "all", FOREVER) == declared
    assert invoked.names == ["films_all"]
    compact(a_compaction(store), name="films_all")
    assert buckets.describe_index("films", "all", FOREVER).searchable == {"of", "seed"}


def test_the_same_fields_are_not_written(store: ScriptedStore, buckets: VectorBuckets) -> None:
    before = store.inner.get("films_all")
    assert declare(buckets).searchable == {"of"}
    assert store.inner.get("films_all") == before


def test_other_changes_keep_the_fields(buckets: VectorBuckets) -> None:
    changed = buckets.change_index("films", "all", lambda stored: stored, FOREVER)
    assert (changed.params.text, changed.searchable) == ({"of": OF}, {"of"})
