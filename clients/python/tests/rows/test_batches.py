"""Batches have every row exactly once, in order, and every request is under the limit."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectord_client.rows.batches import _FIXED, body, cut, event_bytes, memory_costs, request_costs
from vectord_client.rows.fields import Names
from vectord_client.rows.forms import add_blocks, row_blocks
from vectord_client.rows.pack import Shape
from vectord_client.rows.sparse import with_sparse

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
values = st.one_of(st.none(), st.dictionaries(texts, st.one_of(st.integers(0, 9), texts), max_size=3))
rows = st.lists(st.tuples(texts, st.lists(st.floats(-9, 9, width=32), min_size=3, max_size=3), values), max_size=60)


def sent(text: bytes) -> int:
    """Return the bytes of a body as a string of JSON, without its quotes: as Lambda counts them."""
    return len(json.dumps(text.decode(), ensure_ascii=False).encode()) - 2


@given(rows=rows, limit=st.integers(150, 2_000), most=st.integers(1, 20))
def test_every_row_is_in_exactly_one_batch_under_the_limit(rows: list, limit: int, most: int) -> None:
    batches = list(cut(row_blocks(rows, Names(), Shape()), request_costs, limit, most))
    found = [
        (position, row_id, batch.rows.vector(place).tobytes(), batch.rows.metadata[place])
        for batch in batches
        if batch.rows
        for place, (position, row_id) in enumerate(zip(batch.rows.positions, batch.rows.ids, strict=True))
    ]
    bad = [row for batch in batches for row in batch.bad]
    places = sorted([row[0] for row in found] + [row.position for row in bad])
    assert places == list(range(len(rows)))
    assert [row[0] for row in found] == sorted(row[0] for row in found)
    for position, row_id, vector, metadata in found:
        assert row_id == rows[position][0]
        assert vector == np.array(rows[position][1], "<f4").tobytes()
        assert (None if metadata is None else json.loads(metadata)) == rows[position][2]
    for batch in batches:
        if batch.rows:
            assert len(batch) <= most
            assert sent(body(batch.rows)) <= limit
    assert [batch.number for batch in batches] == list(range(len(batches)))
    assert all(a.stop == b.start for a, b in pairwise(batches))
    assert not batches or (batches[0].start, batches[-1].stop) == (0, len(rows))


@given(rows=rows.filter(bool))
def test_the_size_of_a_request_is_counted_to_the_byte(rows: list) -> None:
    [block] = add_blocks(rows)
    assert sent(body(block)) == _FIXED + sum(request_costs(block)) - 1  # the last item has no comma


@pytest.mark.parametrize("limit", [250, 6_200_000])
def test_sparse_vectors_stay_with_their_rows_and_are_counted(limit: int) -> None:
    blocks = [block for at in range(4) for block in add_blocks([(f"r{at}{row}", [1.0]) for row in range(3)])]
    found = with_sparse(blocks, [{row: 0.5, 7: 1.25} if row % 3 else None for row in range(8, 20)])
    parts = [batch.rows for batch in cut(found, request_costs, limit) if batch.rows]
    items = [item for part in parts for item in json.loads(body(part))["vectors"]]
    assert [item["id"] for item in items] == [row_id for block in blocks for row_id in block.ids]
    assert [item.get("sparse", {"indices": [0]})["indices"][0] for item in items] == [
        row if row % 3 else 0 for row in range(8, 20)
    ]
    assert [sent(body(part)) for part in parts] == [_FIXED + sum(request_costs(part)) - 1 for part in parts]
    assert (len(parts) > 1) == (limit == 250)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_event_bytes_are_those_of_a_string_of_json(text: str) -> None:
    encoded = json.dumps(text, ensure_ascii=False).encode()
    assert event_bytes(encoded) == sent(encoded)


def test_batches_are_as_large_as_they_can_be() -> None:
    matrix = np.random.default_rng(1).normal(size=(10_000, 384)).astype(np.float32)
    blocks = add_blocks(ids=[f"id{row:05}" for row in range(10_000)], vectors=matrix)
    sizes = [sent(body(batch.rows)) for batch in cut(blocks) if batch.rows]
    assert all(6_195_000 < size <= 6_200_000 for size in sizes[:-1])
    assert len(sizes) == 4


def test_a_row_that_is_too_large_is_a_bad_row_and_the_others_are_sent() -> None:
    blocks = add_blocks([("a", [1.0]), ("b", [2.0], "x" * 500), ("c", [3.0])])
    [batch] = cut(blocks, request_costs, 400)
    assert batch.rows is not None
    assert batch.rows.ids == ["a", "c"]
    assert [(row.position, row.id, row.reason[:42]) for row in batch.bad] == [
        (1, "b", "the row has 557 bytes as it is sent, and a")
    ]


def test_rows_in_memory_are_counted_without_json() -> None:
    blocks = add_blocks(ids=["a", "bc"], vectors=[[1, 2], [3, 4]], metadata=[None, {"k": 1}])
    assert memory_costs(blocks[0]) == [9, 17]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_body_is_the_json_of_its_rows(count: int) -> None:
    rows = [(f'i"{row}', [row, 0.5], {"n": row} if row % 2 else None) for row in range(count)]
    decoded = [item for block in add_blocks(rows) for item in json.loads(body(block))["vectors"]]
    assert [item["id"] for item in decoded] == [row[0] for row in rows]
    assert [item.get("metadata") for item in decoded] == [row[2] for row in rows]
