"""Of stored columns, a filter reads the directory and the blocks of its paths, each once."""

import numpy as np

from tests.support.columns import MANY, SECTION, hits, in_memory, stored
from tests.support.sections import RecordingFetch
from vectord.filters.tree import Exists, In, Or, paths
from vectord.index.columns import reader
from vectord.index.columns.evaluate import evaluate
from vectord.index.columns.reader import StoredColumns
from vectord.index.columns.writer import pack_columns


def test_a_filter_reads_the_directory_and_the_blocks_of_its_paths() -> None:
    fetch = RecordingFetch()
    columns = StoredColumns(fetch.section(SECTION, "columns"), len(MANY))
    tree = Or((In("year", (7,)), In("nowhere", (1,))))
    found = evaluate(tree, columns.read(paths(tree), fetch), len(MANY))
    assert np.flatnonzero(found.certain).tolist() == list(range(7, 20_000, 100))
    assert len(fetch.rounds) == 2
    assert fetch.bytes < 60_000 < len(SECTION) / 7


def test_blocks_are_brought_in_one_round_and_only_once() -> None:
    fetch = RecordingFetch()
    columns = StoredColumns(fetch.section(SECTION, "columns"), len(MANY))
    for _ in range(2):
        columns.read(["name", "score", "year"], fetch)
    assert len(fetch.rounds) == 2


def test_a_directory_longer_than_the_first_read_is_read_to_its_end() -> None:
    documents = [{f"key {row}-{at}": row for at in range(10)} for row in range(150)]
    section = pack_columns(in_memory(documents))
    fetch = RecordingFetch()
    assert reader._FIRST_READ < 16 * 1_500
    columns = StoredColumns(fetch.section(section, "columns"), 150)
    tree = Exists("key 149-9")
    assert np.flatnonzero(evaluate(tree, columns.read(paths(tree), fetch), 150).certain).tolist() == [149]


def test_paths_of_one_crc32_stay_apart() -> None:
    columns = stored([{"plumless": 1}, {"buckeroo": 2}, {"buckeroo": 1}])
    assert hits(columns, In("plumless", (1,))) == [0]
    assert hits(columns, In("buckeroo", (1,))) == [2]
    assert hits(stored([{"plumless": 1}]), Exists("buckeroo")) == []
