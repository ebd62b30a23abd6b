"""Sections of a store on this machine are views of its mapped files, checked before they are trusted."""

from pathlib import Path

import numpy as np
import pytest

from tests.support import services
from tests.support.services import FOREVER, Clock, a_query, vector
from vectord.errors import BlobCorrupt
from vectord.index.sections.base import Section
from vectord.index.state import Base
from vectord.index.thresholds import Thresholds
from vectord.service.service import Service
from vectord.service.snapshots.mapped import MappedSection
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import NewIndex
from vectord.storage.files.store import FileStore

ROWS, DIMENSION = 400, 64
SIZES = Thresholds(packed=1, part=1 << 10)


def a_service(folder: Path) -> Service:
    return services.a_service(FileStore(folder, least_part=SIZES.part), sizes=SIZES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a packed index."""
    service = a_service(tmp_path)
    drawn = np.random.default_rng(0).standard_normal((ROWS, DIMENSION))
    service.create(NewIndex("t", DIMENSION), FOREVER)
    service.add("t", [vector(str(row), *components) for row, components in enumerate(drawn)], FOREVER)
    return tmp_path


def base_of(service: Service) -> Base:
    base = service.reader.open("t").index.base
    assert base is not None
    return base


def sections_of(base: Base) -> dict[str, Section]:
    return {"graph": base.graph.section, **{f"{number}": one for number, (one, _) in enumerate(base.auxiliary)}}


def test_no_byte_of_a_section_is_copied_into_the_cache(folder: Path) -> None:
    files = services.new_section_cache()
    service = Service(
        FileStore(folder),
        files,
        memory_bytes=1 << 20,
        environment=Clock().environment(),
        retry_policy=RetryPolicy(),
    )
    service.search("t", a_query(np.ones(DIMENSION), 1), FOREVER)
    service.warm("t", FOREVER)
    assert (files.used, list(files.folder.iterdir())) == (0, [])


def test_a_section_is_whole_only_after_its_checksum_was_compared(folder: Path) -> None:
    service = a_service(folder)
    assert not any(one.whole for one in sections_of(base_of(service)).values())
    service.warm("t", FOREVER)
    assert all(one.whole for one in sections_of(base_of(service)).values())


def test_searches_check_more_of_a_section_until_it_is_whole(folder: Path) -> None:
    section = base_of(a_service(folder)).graph.section
    assert isinstance(section, MappedSection)
    seen = []
    while missing := section.missing(None):
        seen.append(missing)
        start = missing[0][0]
        section.check([(start, min(start + 60_000, section.size))])
    assert (len(seen), section.whole) == (-(-section.size // 60_000), True)


def test_other_ranges_do_not_count_as_checked(folder: Path) -> None:
    section = base_of(a_service(folder)).graph.section
    assert isinstance(section, MappedSection)
    section.check([(4_096, 8_192)])
    assert section.missing(None) == [(0, section.size)]


def test_a_damaged_section_is_never_whole(folder: Path) -> None:
    file = folder / "t.lhv1"
    data = bytearray(file.read_bytes())
    data[-100] ^= 1
    file.write_bytes(data)
    service = a_service(folder)
    for _ in range(2):
        with pytest.raises(BlobCorrupt):
            service.warm("t", FOREVER)


def test_a_small_object_is_checked_when_it_is_opened(tmp_path: Path) -> None:
    service = a_service(tmp_path)
    service.create(NewIndex("t", 3), FOREVER)
    service.add("t", [vector("known", 1, 2, 3)], FOREVER)
    file = tmp_path / "t.lhv1"
    data = bytearray(file.read_bytes())
    data[data.index(np.float32([1, 2, 3]).tobytes())] ^= 1
    file.write_bytes(data)
    with pytest.raises(BlobCorrupt):
        a_service(tmp_path).lookup("t", "known", FOREVER)


def test_a_commit_reuses_the_checked_sections_of_the_base(folder: Path) -> None:
    service = a_service(folder)
    service.warm("t", FOREVER)
    before = base_of(service)
    service.add("t", [vector("new", *np.ones(DIMENSION))], FOREVER)
    assert base_of(service) is before


def test_a_state_that_is_read_stays_after_another_process_replaced_the_file(folder: Path) -> None:
    service = a_service(folder)
    before = base_of(service)
    a_service(folder).add("t", [vector("0", *np.ones(DIMENSION))], FOREVER)
    before.graph.section.check(None)  # type: ignore[attr-defined]  # it is mapped
    assert before.graph.section.whole


def test_sections_of_a_file_that_was_changed_in_place_are_mapped_again(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    service = a_service(folder)
    service.warm("t", FOREVER)
    before = base_of(service)
    copy = tmp_path_factory.mktemp("copy")
    (copy / "t.lhv1").write_bytes((folder / "t.lhv1").read_bytes())
    a_service(copy).add("t", [vector("new", *np.ones(DIMENSION))], FOREVER)
    (folder / "t.lhv1").write_bytes((copy / "t.lhv1").read_bytes())
    assert base_of(service) is not before
    assert service.search("t", a_query(np.ones(DIMENSION), 1), FOREVER).answers[0].matches[0].id == "new"
