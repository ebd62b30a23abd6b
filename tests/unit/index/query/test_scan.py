"""Listings: a vector that exists throughout is listed exactly once, whatever happens to other vectors."""

import zlib
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import compactions, services, shards
from tests.support.compactions import DIMENSION
from tests.support.services import FOREVER, vector
from vectord.index.query import scan
from vectord.readers.entry import NewVector
from vectord.service.service import Service
from vectord.service.values.options import NewIndex
from vectord.service.values.results import ListPage
from vectord.service.values.selection import EVERYTHING, ListQuery, Selection
from vectord.storage.memory import MemoryStore

IDS = [f"id-{i}" for i in range(40)]
TWINS = ["buckeroo", "plumless"]  # of one crc32; the base has the first, the tail the other


def order(vector_id: str) -> tuple[int, str]:
    return zlib.crc32(vector_id.encode()), vector_id


def pages(service: Service, wanted: ListQuery, name: str = "t") -> list[ListPage]:
    """Follow a listing to its end."""
    found = [service.list_vectors(name, wanted, FOREVER)]
    while found[-1].next is not None:
        rest = msgspec.structs.replace(wanted, after=found[-1].next)
        found.append(service.list_vectors(name, rest, FOREVER))
    return found


def ids(found: list[ListPage]) -> list[str]:
    return [one.id for page in found for one in page.vectors]


@pytest.fixture
def service() -> Service:
    """A service with index `t`, small, of IDS and TWINS."""
    service = services.a_service()
    service.create(NewIndex("t", 2), FOREVER)
    service.add("t", [vector(name, 1, place) for place, name in enumerate([*IDS, *TWINS])], FOREVER)
    return service


@pytest.fixture
def packed() -> Service:
    """A service with index `t`, packed, of IDS and TWINS in the base and the tail."""
    service = compactions.a_writer(MemoryStore(least_part=1))
    service.create(NewIndex("t", DIMENSION), FOREVER)
    service.add("t", compactions.vectors(*IDS[:20], TWINS[0]), FOREVER)
    service.add("t", compactions.vectors(*IDS[20:], TWINS[1]), FOREVER)
    return service


@pytest.fixture(params=["service", "packed"])
def either(request: pytest.FixtureRequest) -> Service:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Service)
    return found


def test_the_twins_have_one_hash() -> None:
    assert order(TWINS[0])[0] == order(TWINS[1])[0]


@pytest.mark.parametrize("limit", [1, 7, 41, 42, 1_000])
def test_pages_list_every_vector_once_in_order(either: Service, limit: int) -> None:
    found = pages(either, ListQuery(limit))
    assert ids(found) == sorted([*IDS, *TWINS], key=order)
    assert [len(page.vectors) for page in found[:-1]] == [limit] * (len(found) - 1)


def test_removed_vectors_are_not_listed_and_replaced_ones_are_current(packed: Service) -> None:
    packed.delete("t", Selection(["id-3", "id-30"]), FOREVER)
    [new] = compactions.vectors("id-5", seed=7)
    packed.add("t", [new], FOREVER)
    [page] = pages(packed, ListQuery(100, members=EVERYTHING))
    listed = {one.id: one for one in page.vectors}
    assert sorted(listed) == sorted({*IDS, *TWINS} - {"id-3", "id-30"})
    assert listed["id-5"].vector is not None
    assert listed["id-5"].vector.tobytes() == new.vector.tobytes()
    assert listed["id-5"].metadata == new.metadata
    stored = packed.lookup("t", "id-9", FOREVER)
    assert listed["id-9"].vector is not None
    assert (listed["id-9"].vector.tobytes(), listed["id-9"].metadata) == (stored.vector.tobytes(), stored.metadata)


def test_components_are_returned_only_on_request(either: Service) -> None:
    assert all(one.vector is None for page in pages(either, ListQuery(10)) for one in page.vectors)


@pytest.mark.parametrize("segments", [2, 3, 17])
def test_segments_together_list_every_vector_once(either: Service, segments: int) -> None:
    parts = [ids(pages(either, ListQuery(4, segment=number, segments=segments))) for number in range(segments)]
    assert [name for part in parts for name in part] == sorted([*IDS, *TWINS], key=order)


def test_segments_meet_without_gap() -> None:
    for segments in (1, 2, 3, 999):
        spans = [scan.segment(number, segments) for number in range(segments)]
        assert (spans[0][0], spans[-1][1]) == (0, 1 << 32)
        assert all(before[1] == after[0] for before, after in pairwise(spans))


def test_a_prefix_selects_ids(either: Service) -> None:
    found = pages(either, ListQuery(3, prefix="id-1"))
    assert ids(found) == sorted((name for name in IDS if name.startswith("id-1")), key=order)


def test_a_page_that_read_many_rows_ends_early_and_the_listing_continues(
    either: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "MAX_READ", 5)
    monkeypatch.setattr(scan, "_CHUNK", 3)
    found = pages(either, ListQuery(10, prefix="plum"))
    assert ids(found) == ["plumless"]
    assert len(found) > 3


def test_a_filter_selects_vectors(packed: Service) -> None:
    packed.add("t", compactions.vectors("id-1", "id-33", "new", seed=5), FOREVER)
    found = pages(packed, ListQuery(2, filter='{"seed": 5}'))
    assert ids(found) == sorted(["id-1", "id-33", "new"], key=order)


def test_a_listing_continues_after_a_build(packed: Service) -> None:
    first = packed.list_vectors("t", ListQuery(20), FOREVER)
    late = [f"late-{i}" for i in range(40)]
    store = packed.reader.store
    packed.add("t", compactions.vectors(*late), FOREVER)
    assert isinstance(store, MemoryStore)
    assert compactions.a_compaction(store).compact("t", "holder", FOREVER).outcome == "compacted"
    rest = packed.list_vectors("t", ListQuery(100, after=first.next), FOREVER)
    seen = [name for name in ids([first, rest]) if name not in late]
    assert seen == sorted([*IDS, *TWINS], key=order)


def test_shards_are_listed_one_after_the_other() -> None:
    service = shards.a_service(MemoryStore())
    service.create(NewIndex("t", 2, shards=5), FOREVER)
    service.add("t", [vector(name, 1, 1) for name in IDS], FOREVER)
    for limit in (1, 8, 39, 40, 41):
        found = pages(service, ListQuery(limit))
        assert sorted(ids(found)) == sorted(IDS)
        assert all(len(page.vectors) == limit for page in found[:-1])
    both = [ids(pages(service, ListQuery(3, segment=number, segments=2))) for number in (0, 1)]
    assert sorted(both[0] + both[1]) == sorted(IDS)
    assert len(both[0]) < len(IDS)


names = st.sampled_from([*IDS[:12], *TWINS])
steps = st.lists(st.tuples(st.sampled_from(["add", "delete", "page"]), st.lists(names, min_size=1, max_size=5)))


@settings(max_examples=25, deadline=None)
@given(steps=steps, limit=st.integers(1, 4))
@pytest.mark.slow
def test_a_vector_that_exists_throughout_is_listed_exactly_once(steps: list[tuple[str, list[str]]], limit: int) -> None:
    service = compactions.a_writer(MemoryStore(least_part=1))
    service.create(NewIndex("t", DIMENSION), FOREVER)
    service.add("t", compactions.vectors(*IDS[:12], *TWINS), FOREVER)
    throughout, seen, after = {*IDS[:12], *TWINS}, [], None
    for kind, some in [*steps, *[("page", [])] * 20]:
        if kind == "add":
            service.add("t", [NewVector(one.id, one.vector) for one in compactions.vectors(*some, seed=3)], FOREVER)
        elif kind == "delete":
            service.delete("t", Selection(list(some)), FOREVER)
            throughout -= set(some)
        else:
            page = service.list_vectors("t", ListQuery(limit, after=after), FOREVER)
            seen += [one.id for one in page.vectors]
            if page.next is None:
                break
            after = page.next
    assert {name for name in throughout if seen.count(name) != 1} == set()
    assert len(seen) == len(set(seen))
