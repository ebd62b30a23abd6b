"""Of stored columns, a filter reads the directory and the blocks of its paths, each once."""

import numpy as np

from tests.support.columns import MANY, SECTION, hits, in_memory, stored
from tests.support.sections import Bringing
from vectord.filters.match import keys
from vectord.filters.tree import Among, AnyOf, Exists
from vectord.index.columns import reader
from vectord.index.columns.evaluate import bounds
from vectord.index.columns.reader import Stored
from vectord.index.columns.writer import pack


def test_a_filter_reads_the_directory_and_the_blocks_of_its_paths() -> None:
    fetch = Bringing()
    columns = Stored(fetch.section(SECTION, "columns"), len(MANY))
    tree = AnyOf((Among("year", (7,)), Among("nowhere", (1,))))
    found = bounds(tree, columns.read(keys(tree), fetch), len(MANY))
    assert np.flatnonzero(found.surely).tolist() == list(range(7, 20_000, 100))
    assert len(fetch.rounds) == 2
    assert fetch.bytes < 60_000 < len(SECTION) / 7


def test_blocks_are_brought_in_one_round_and_only_once() -> None:
    fetch = Bringing()
    columns = Stored(fetch.section(SECTION, "columns"), len(MANY))
    for _ in range(2):
        columns.read(["name", "score", "year"], fetch)
    assert len(fetch.rounds) == 2


def test_a_directory_longer_than_the_first_read_is_read_to_its_end() -> None:
    documents = [{f"key {row}-{at}": row for at in range(10)} for row in range(150)]
    section = pack(in_memory(documents))
    fetch = Bringing()
    assert reader._FIRST < 16 * 1_500
    columns = Stored(fetch.section(section, "columns"), 150)
    tree = Exists("key 149-9")
    assert np.flatnonzero(bounds(tree, columns.read(keys(tree), fetch), 150).surely).tolist() == [149]


def test_paths_of_one_crc32_stay_apart() -> None:
    columns = stored([{"plumless": 1}, {"buckeroo": 2}, {"buckeroo": 1}])
    assert hits(columns, Among("plumless", (1,))) == [0]
    assert hits(columns, Among("buckeroo", (1,))) == [2]
    assert hits(stored([{"plumless": 1}]), Exists("buckeroo")) == []
