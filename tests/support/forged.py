"""Forged blobs: golden blobs with one change and correct checksums."""

import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.hostile import Blob, Probe, Section, take_apart
from tests.support.vectors import forest_file
from vectord.forest.forest import Layout, Metric

GOLDEN = Path(__file__).parents[1] / "golden/v2"
A, ROW = Probe(3, "a"), Probe(33, "row-01 é")  # of cosine.lhv1 and of packed.lhv1
PARTS = Probe(71, "row-01 é")  # of parts.lhv1
ROWS, DIMENSION = 40, 33  # of the graph in packed.lhv1


@cache
def golden(name: str) -> Blob:
    return take_apart((GOLDEN / f"{name}.lhv1").read_bytes())


def forest(dimension: int, metric: Metric = "angular", rows: int = ROWS) -> bytes:
    """Return a valid Annoy file."""
    vectors = np.random.default_rng(dimension).normal(size=(rows, dimension)).astype(np.float32)
    return forest_file(vectors, Layout(metric, dimension), 2)


def with_vector(blob: Blob, row: int, components: Any) -> Blob:
    """Return `blob`, its graph angular, with another vector in a row."""
    vector = np.array(components, "<f4").tobytes()
    graph, at = blob.section("graph"), row * (12 + len(vector)) + 12
    graph[at : at + len(vector)] = vector
    return blob.with_section("graph", bytes(graph))


def with_tail_of(component: float) -> Blob:
    """Return the packed blob with one value in all components of its last section `tail`."""
    blob = golden("packed")
    last = [section for section in blob.sections if section.name == "tail"][-1]
    changed = last._replace(data=np.full(len(last.data) // 4, component, "<f4").tobytes())
    return Blob(blob.envelope, [changed if section is last else section for section in blob.sections])


def with_rows(change: Callable[[bytearray], None]) -> Blob:
    """Return the packed blob with a changed section `rows`."""
    rows = golden("packed").section("rows")
    change(rows)
    return golden("packed").with_section("rows", bytes(rows))


def with_graph(name: str, graph: bytes) -> Blob:
    return golden(name).with_section("graph", graph)


def without_key(name: str, key: str) -> Blob:
    return Blob({other: value for other, value in golden(name).envelope.items() if other != key}, golden(name).sections)


def with_sketch_beside_partitions() -> Blob:
    """Return the blob with partitions and a section `sketch` of the same bytes."""
    parts, *others = golden("parts").sections
    return Blob(golden("parts").envelope, [parts, Section("sketch", parts.data), *others])


def with_section_twice(name: str) -> Blob:
    """Return the packed blob with a section listed twice."""
    blob = golden("packed")
    return Blob(blob.envelope, [*blob.sections, next(each for each in blob.sections if each.name == name)])


def with_overlapping_sections() -> Blob:
    """Return the packed blob with 8 bytes more in the entry of `sketch` and 8 fewer in that of `rows`."""
    blob = golden("packed")
    return blob.with_section("sketch", bytes=len(blob.section("sketch")) + 8).with_section(
        "rows", bytes=len(blob.section("rows")) - 8
    )


# Changes of the packed blob's section `rows`, for `with_rows`.

PLACES = 8 + 4 * ROWS  # in the section `rows`: the rows of the ids, after their crc32s
BLOCKS = 8 + 8 * ROWS  # the start of each block
FIRST = BLOCKS + 8 * 4  # the first of 3 blocks


def all_ids_at(row: int) -> Callable[[bytearray], None]:
    def change(rows: bytearray) -> None:
        rows[PLACES : PLACES + 4 * ROWS] = struct.pack("<I", row) * ROWS

    return change


def block_start(number: int, start: int) -> Callable[[bytearray], None]:
    return lambda rows: struct.pack_into("<Q", rows, BLOCKS + 8 * number, start)


def bytes_at(at: int, data: bytes) -> Callable[[bytearray], None]:
    def change(rows: bytearray) -> None:
        rows[at : at + len(data)] = data

    return change


def replace(old: bytes, data: bytes) -> Callable[[bytearray], None]:
    def change(rows: bytearray) -> None:
        at = rows.index(old)
        rows[at : at + len(data)] = data

    return change


def block_after_the_end(rows: bytearray) -> None:
    block_start(2, 2**40)(rows)
    block_start(3, 2**40 + 200)(rows)
