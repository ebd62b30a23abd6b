"""Text fields that are declared for an index with rows: in which state they can be searched, and what is written."""

import pytest

from tests.support.compactions import (
    DIMENSION,
    RecordedInvocations,
    a_compaction,
    a_service_with_builds,
    compact,
    index,
    vectors,
)
from tests.support.scripted_store import Real, ScriptedStore
from tests.support.services import FOREVER, Clock, a_service
from vectord.errors import PreconditionFailed, RequestInvalid
from vectord.lhv1.text_fields import TextField, TextFields
from vectord.service.service import Service
from vectord.service.text_declaration import declare_text
from vectord.service.values.options import UNCONDITIONAL, NewIndex, WriteOptions
from vectord.service.values.text_fields import DeclareText

OF, SEED = TextField(), TextField("german")
TWENTY = vectors(*map(str, range(20)))


def declare(service: Service, fields: TextFields, write: WriteOptions = UNCONDITIONAL) -> frozenset[str]:
    return declare_text(service, "t", DeclareText(dict(fields)), FOREVER, write).searchable


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore(least_part=1)


@pytest.fixture
def invoked() -> RecordedInvocations:
    return RecordedInvocations()


@pytest.fixture
def packed(store: ScriptedStore, invoked: RecordedInvocations) -> Service:
    """A service that leaves builds to the compaction, and index `t`, whose 20 rows are built."""
    service = a_service_with_builds(store, invoked, memory=0, clock=Clock())
    service.create(NewIndex("t", DIMENSION), FOREVER)
    service.add("t", TWENTY, FOREVER)
    compact(a_compaction(store))
    assert index(store).can_keep_base
    return a_service_with_builds(store, invoked, memory=0, clock=Clock(ids="later"))


@pytest.mark.parametrize("shards", [1, 3])
def test_a_small_index_is_searchable_at_once(shards: int) -> None:
    service = a_service()
    service.create(NewIndex("t", DIMENSION, shards=shards), FOREVER)
    service.add("t", TWENTY, FOREVER)
    assert declare(service, {"of": OF, "seed": SEED}) == {"of", "seed"}
    described = service.describe("t", FOREVER)
    assert (described.params.text, described.searchable) == ({"of": OF, "seed": SEED}, {"of", "seed"})


def test_a_packed_index_is_searchable_after_the_compaction_that_is_requested(
    store: ScriptedStore, packed: Service, invoked: RecordedInvocations
) -> None:
    invoked.names.clear()
    assert declare(packed, {"of": OF}) == frozenset()
    assert invoked.names == ["t"]
    assert packed.describe("t", FOREVER).searchable == frozenset()
    assert compact(a_compaction(store)).outcome == "compacted"
    assert packed.describe("t", FOREVER).searchable == {"of"}
    assert compact(a_compaction(store)).outcome == "idle"


def test_a_field_with_other_options_is_built_again(store: ScriptedStore, packed: Service) -> None:
    declare(packed, {"of": OF})
    compact(a_compaction(store))
    assert declare(packed, {"of": SEED, "seed": OF}) == frozenset()
    compact(a_compaction(store))
    assert dict(index(store).text_fields) == {"of": SEED, "seed": OF}


def test_rows_that_are_added_meanwhile_are_searchable_too(store: ScriptedStore, packed: Service) -> None:
    declare(packed, {"of": OF})
    packed.add("t", vectors("late", seed=1), FOREVER)
    compact(a_compaction(store))
    packed.add("t", vectors("later", seed=2), FOREVER)
    found = index(store)
    assert (packed.describe("t", FOREVER).searchable, len(found.tail.texts)) == ({"of"}, len(found.tail.pieces))


def test_a_declaration_of_no_field_removes_the_texts(store: ScriptedStore, packed: Service) -> None:
    declare(packed, {"of": OF})
    compact(a_compaction(store))
    declare(packed, {})
    compact(a_compaction(store))
    found = index(store)
    assert (found.params.text or None, dict(found.text_fields), found.texts) == (None, {}, [])


def test_a_declaration_of_the_same_fields_writes_nothing(store: ScriptedStore, packed: Service) -> None:
    declare(packed, {"of": OF})
    etag = store.inner.etag("t")
    declare(packed, {"of": OF})
    assert store.inner.etag("t") == etag


def test_a_precondition_that_does_not_hold_changes_nothing(store: ScriptedStore, packed: Service) -> None:
    etag = store.inner.etag("t")
    with pytest.raises(PreconditionFailed):
        declare(packed, {"of": OF}, WriteOptions({'"other"'}))
    assert store.inner.etag("t") == etag
    declare(packed, {"of": OF}, WriteOptions({etag}))
    assert store.inner.etag("t") != etag


def test_fields_that_are_not_valid_change_nothing(store: ScriptedStore, packed: Service) -> None:
    etag = store.inner.etag("t")
    for fields in ({"of": TextField("klingon")}, {"": OF}, {str(number): OF for number in range(17)}):
        with pytest.raises(RequestInvalid):
            declare(packed, fields)
    assert store.inner.etag("t") == etag


def test_a_sharded_index_has_no_precondition() -> None:
    service = a_service()
    service.create(NewIndex("t", DIMENSION, shards=2), FOREVER)
    with pytest.raises(RequestInvalid, match="separate ETag"):
        declare(service, {"of": OF}, WriteOptions({'"e"'}))


def test_a_declaration_during_a_build_is_built_by_the_same_compaction(store: ScriptedStore, packed: Service) -> None:
    declare(packed, {"of": OF})

    def declare_others(real: Real) -> object:
        if store.count("stage") == 1:
            declare(packed, {"seed": SEED})
        return real()

    store.always("stage", declare_others)
    assert compact(a_compaction(store)).outcome == "compacted"
    assert (store.count("stage"), dict(index(store).text_fields)) == (2, {"seed": SEED})
