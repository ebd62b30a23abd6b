"""Ranges of one object in one state are merged so that they need few requests and little extra data."""

from functools import cache
from itertools import accumulate

import pytest

from tests.support.scripted_store import ScriptedStore
from tests.support.services import new_section_cache
from vectord.errors import ObjectChanged
from vectord.lhv1 import frame
from vectord.lhv1.frame import SectionEntry
from vectord.service.snapshots.ranges import RangeReader
from vectord.service.values.environment import Environment
from vectord.storage.base import IfAbsent, IfMatch

pytestmark = pytest.mark.slow  # large inputs

PAGE = 4_096
HEAD = b"head" * 100
SIZES = {"sketch": 10_000, "rows": 9 << 20, "graph": 100 << 20}


@cache
def sections_of_the_object() -> dict[str, bytes]:
    return {name: bytes([number]) * size for number, (name, size) in enumerate(SIZES.items(), 1)}


@cache
def the_object() -> bytes:
    return b"".join([HEAD, *sections_of_the_object().values()])


@cache
def entries() -> list[SectionEntry]:
    return [frame.section_entry(name, f"c/{name}", data) for name, data in sections_of_the_object().items()]


class Case:
    """An object of three sections, none of which is cached."""

    def __init__(self) -> None:
        self.store = ScriptedStore()
        self.etag = self.store.inner.put("t", the_object(), IfAbsent(), "c")
        files = new_section_cache()
        self.sections = [files.open(entry) for entry in entries()]
        starts = list(accumulate(SIZES.values(), initial=len(HEAD)))[:-1]
        self.environment = Environment()
        self.fetch = RangeReader(
            self.store, "t", self.etag, dict(zip(self.sections, starts, strict=True)), 1 << 30, self.environment
        )

    @property
    def read(self) -> tuple[float, float]:
        return self.environment.meter.value("ReadRequests"), self.environment.meter.value("ReadBytes")


@pytest.fixture
def case() -> Case:
    return Case()


def test_whole_sections_are_verified_by_their_checksum(case: Case) -> None:
    case.fetch(*((section, None) for section in case.sections))
    assert [section.whole for section in case.sections] == [True, True, True]
    assert [bytes(section.buffer[:1]) for section in case.sections] == [b"\1", b"\2", b"\3"]


def test_ranges_of_several_sections_are_fetched_in_one_round(case: Case) -> None:
    sketch, rows, graph = case.sections
    case.fetch((sketch, None), (rows, [(0, 8), (5 << 20, 5_300_000)]), (graph, [(1 << 20, 1_100_000)]))
    assert case.store.count("read") == 1
    assert sketch.whole
    assert bytes(graph.buffer[1 << 20 : 1_100_000]) == b"\3" * (1_100_000 - (1 << 20))


def test_cached_ranges_are_not_requested_again(case: Case) -> None:
    case.fetch((case.sections[1], [(100, 200)]))
    assert case.read == (1, PAGE)
    case.fetch((case.sections[1], [(0, PAGE)]))
    assert case.read == (1, PAGE)
    assert case.store.count("read") == 1


def test_long_ranges_are_split_into_parallel_requests_and_rounds_of_bounded_memory(case: Case) -> None:
    sizes: list[list[int]] = []

    def noted(real):
        parts = real()
        sizes.append([len(part) for part in parts])
        return parts

    case.store.always("read", noted)
    case.fetch((case.sections[2], None))
    assert sum(map(sum, sizes)) == SIZES["graph"]
    assert len(sizes[0]) > 4
    assert max(map(max, sizes)) <= 16 << 20
    assert max(map(sum, sizes)) <= 80 << 20


def test_no_ranges_cause_no_request(case: Case) -> None:
    case.fetch((case.sections[0], []))
    case.fetch()
    assert case.store.count("read") == 0


@pytest.mark.parametrize("gone", [False, True])
def test_an_object_with_another_etag_has_changed(case: Case, gone: bool) -> None:
    if gone:
        case.store.inner.delete("t", IfMatch(case.etag))
    else:
        case.store.inner.put("t", b"another", IfMatch(case.etag), "d")
    with pytest.raises(ObjectChanged):
        case.fetch((case.sections[0], None))
    assert case.sections[0].missing(None) == [(0, SIZES["sketch"])]
