"""Rows added in columns in this process are added as by a request with a body."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from vectord.index.codec import decode
from vectord.index.sections.graph import exact_scan_is_cheap
from vectord.readers.entry import METADATA_ERRORS, checked_metadata
from vectord_client import Client, Index
from vectord_client.embedded import bulk
from vectord_client.embedded.entry import open_gateway
from vectord_client.embedded.requirements import Options
from vectord_client.embedded.transport import Gateway
from vectord_client.errors import BatchInvalid, IdempotencyKeyReused, PreconditionFailed
from vectord_client.rows import batches
from vectord_client.rows.block import Block, joined
from vectord_client.rows.forms import add_blocks
from vectord_client.wire import operations

DIMENSION = 3


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with Client(tmp_path / "data") as opened:
        yield opened


@pytest.fixture(params=[1, 3], ids=["single", "shards"])
def film_indexes(client: Client, request: pytest.FixtureRequest) -> tuple[Index, Index]:
    """Two indexes of one kind: for rows in columns, and for the same rows in a body."""
    shards: int = request.param
    made = [client.create_index(name, dimension=DIMENSION, shards=shards) for name in ("columns", "body")]
    return made[0], made[1]


def block(ids: Sequence[Any], vectors: Any, metadata: Sequence[bytes | None] | None = None) -> Block:
    packed = memoryview(np.asarray(vectors, "<f4").reshape(-1).view(np.uint8))
    return Block(range(len(ids)), list(ids), packed, DIMENSION, list(metadata or [None] * len(ids)))


def add(index: Index, rows: Block, *, in_body: bool = False, **options: Any) -> Any:
    name, session = index._name, index._session
    if in_body:
        return session.run(operations.add(name, batches.body(rows), **options))
    return session.run(operations.add_rows(name, rows, **options))


def content(index: Index) -> dict[str, tuple[Any, list[float]]]:
    return {row.id: (row.metadata, list(row.vector)) for row in index.rows(vectors=True)}


BATCHES = [
    pytest.param([block(["a", "b"], np.eye(3)[:2])], id="new"),
    pytest.param([block(["a", "b"], np.eye(3)[:2], [b'{"n":1}', None]), block(["b"], [[1, 2, 3]])], id="replaced"),
    pytest.param([block(["a"], [[1, 2, 3]], [b'{"n":1}']), block(["a"], [[3, 2, 1]])], id="metadata-kept"),
    pytest.param([block(["a", "b", "a"], np.eye(3), [b"1", b"2", b"3"])], id="an-id-twice"),
    pytest.param([block(["a", "a"], np.eye(3)[:2], [b"1", None])], id="an-id-twice-first-with-metadata"),
    pytest.param([block(["a", "b"], np.eye(3)[:2], [b"null", b' {"n": [1, "x"]} '])], id="null-and-spaces"),
    pytest.param([block(["a"], [[1, 2, 3]], [b'{"text":"%b"}' % (b"x" * 500)])], id="long-metadata"),
    pytest.param([block([f"{row}" for row in range(3_000)], np.ones((3_000, 3)))], id="many"),
]


@pytest.mark.parametrize("added", BATCHES)
def test_columns_are_added_as_a_body_is(film_indexes: tuple[Index, Index], added: list[Block]) -> None:
    columns, body = film_indexes
    for rows in added:
        first, second = add(columns, rows), add(body, rows, in_body=True)
        assert (first.added, first.replaced, first.count) == (second.added, second.replaced, second.count)
    assert content(columns) == content(body)


INVALID = [
    pytest.param(block(["a", "b"], [[1, 2, 3], [0, 0, 0]]), [1], id="zero"),
    pytest.param(block(["a", "b"], [[1, 2, 3], [1, np.nan, 3]]), [1], id="not-finite"),
    pytest.param(block(["", "b", "x" * 1_025], np.eye(3)), [0, 2], id="ids"),
    pytest.param(block(["a", "b", "c"], np.eye(3), [b"{", None, b"[" * 101 + b"]" * 101]), [0, 2], id="metadata"),
    pytest.param(block(["a", "b", "c"], np.eye(3), [b"[1", b"2]", b"3,4"]), [0, 1, 2], id="texts-that-are-one-list"),
    pytest.param(block(["a", "b"], np.eye(3)[:2], [b"1e999", b"1"]), [0], id="a-number-out-of-range"),
    pytest.param(block(["a", "b"], np.eye(3)[:2], [b"[" * 101 + b"]" * 101, b"1"]), [0], id="too-many-levels"),
    pytest.param(block(["a", "b"], np.eye(3)[:2], [b'"\\ud800x"', b"1"]), [0], id="half-of-a-surrogate-pair"),
]


@pytest.mark.parametrize(("rows", "positions"), INVALID)
def test_one_bad_row_refuses_all_and_each_is_named(
    film_indexes: tuple[Index, Index], rows: Block, positions: list[int]
) -> None:
    columns, _ = film_indexes
    add(columns, block(["kept"], [[1, 2, 3]]))
    with pytest.raises(BatchInvalid) as caught:
        add(columns, rows)
    named = [(item.position, (item.id or "")[:9]) for item in caught.value.errors]
    assert named == [(row, rows.ids[row][:9]) for row in positions]
    assert list(content(columns)) == ["kept"]


PARTS = b""" " a 1 - + . e E [ ] { } : , null 1e5 1e-5 1e999 -1E+400 123 "k": "v" "1e999" [] {} {"a":1} """.split()
PARTS += [b"\xc3\xa9", b"\xff", b"\xed\xa0\x80", b'"\xff"', b"\\ud800", b"\\n", b"\n", b"\t", b"\x00", b"\x1f", b" "]


def test_texts_that_are_checked_at_once_are_valid_as_each_alone_is() -> None:
    made = random.Random(137)
    for _ in range(5_000):
        texts = [b"".join(made.choices(PARTS, k=made.randrange(1, 6))) for _ in range(made.randrange(1, 4))]
        found = bulk.batch_of(block(list(map(str, range(len(texts)))), np.ones((len(texts), 3)), texts))
        assert found.metadata is not None
        for row, text in enumerate(texts):
            try:
                expected = checked_metadata(msgspec.Raw(text))
            except METADATA_ERRORS:
                assert row in found.bad, texts
            else:
                assert row not in found.bad, texts
                assert found.metadata[row] == expected, texts


@pytest.mark.parametrize("bad", [7, "\ud800"], ids=["number", "surrogate"])
def test_an_id_that_is_not_unicode_text_is_named(film_indexes: tuple[Index, Index], bad: Any) -> None:
    with pytest.raises(BatchInvalid) as caught:
        add(film_indexes[0], block(["a", bad], np.eye(3)[:2]))
    assert [item.position for item in caught.value.errors] == [1]


def test_a_repeat_with_one_key_changes_nothing(film_indexes: tuple[Index, Index]) -> None:
    columns, _ = film_indexes
    rows = block(["a", "b"], np.eye(3)[:2], [b"1", b"2"])
    first = add(columns, rows, key="k")
    columns.delete(ids=["a"])
    again = add(columns, rows, key="k")
    assert ((again.added, again.replaced), list(content(columns))) == ((first.added, first.replaced), ["b"])


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(block(["a", "c"], np.eye(3)[:2], [b"1", b"2"]), id="ids"),
        pytest.param(block(["a", "b"], np.eye(3)[1:], [b"1", b"2"]), id="vectors"),
        pytest.param(block(["a", "b"], np.eye(3)[:2], [b"1", b"3"]), id="metadata"),
    ],
)
def test_a_key_names_one_batch(film_indexes: tuple[Index, Index], other: Block) -> None:
    columns, _ = film_indexes
    add(columns, block(["a", "b"], np.eye(3)[:2], [b"1", b"2"]), key="k")
    with pytest.raises(IdempotencyKeyReused):
        add(columns, other, key="k")


def test_a_precondition_holds_for_columns(client: Client) -> None:
    films = client.create_index("films", dimension=DIMENSION)
    before = films.etag
    add(films, block(["a"], [[1, 2, 3]]), if_match=before)
    with pytest.raises(PreconditionFailed):
        add(films, block(["b"], [[1, 2, 3]]), if_match=before)
    assert films.count() == 1


def test_all_rows_of_an_add_are_one_commit(client: Client) -> None:
    films = client.create_index("films", dimension=DIMENSION)
    films.add(ids=[f"{row}" for row in range(20_000)], vectors=np.ones((20_000, 3), np.float32))
    assert (len(list(films.versions())), films.count()) == (2, 20_000)


def test_the_written_file_has_the_checksums_of_its_sections(client: Client, tmp_path: Path) -> None:
    films = client.create_index("films", dimension=DIMENSION)
    for rows in (block(["a", "b", "a"], np.eye(3)), block(["c", "d"], np.eye(3)[:2]), block(["d"], [[1, 2, 3]])):
        add(films, rows)
        index = decode.open_blob((tmp_path / "data" / "films.lhv1").read_bytes())
    assert sorted(index.rows.ids) == ["a", "b", "c", "d"]


def test_views_of_one_matrix_are_joined_without_a_copy() -> None:
    matrix = np.random.default_rng(0).standard_normal((9_000, 384)).astype(np.float32)
    blocks = add_blocks(ids=[f"{row}" for row in range(9_000)], vectors=matrix)
    assert len(blocks) > 1
    assert np.shares_memory(np.frombuffer(joined(blocks).vectors, np.uint8), matrix)


@pytest.mark.parametrize("order", [(1, 0), (0, 0)], ids=["swapped", "repeated"])
def test_other_views_are_joined_in_their_order(order: tuple[int, int]) -> None:
    matrix = np.arange(12, dtype=np.float32).reshape(4, 3)
    parts = [block(["a", "b"], matrix[:2]), block(["c", "d"], matrix[2:])]
    whole = joined([parts[place] for place in order])
    expected = np.concatenate([matrix[2 * place : 2 * place + 2] for place in order])
    assert np.frombuffer(whole.vectors, "<f4").reshape(-1, 3).tolist() == expected.tolist()


def test_a_load_is_searchable_before_it_is_built_and_after(tmp_path: Path, options: Options) -> None:
    gateway = open_gateway(tmp_path / "data", options)
    assert isinstance(gateway, Gateway)
    films = Client(tmp_path / "data").create_index("films", dimension=384)
    rows = 12_000
    assert not exact_scan_is_cheap(rows, 384)
    drawn = np.random.default_rng(0).standard_normal((rows, 384)).astype(np.float32)
    films.add(ids=[f"{row}" for row in range(rows)], vectors=drawn)
    assert films.info().graph_bytes == 0
    assert films.search(drawn[7], k=1)[0].id == "7"
    assert gateway._engine.builds.wait(60)
    assert films.info().graph_bytes > 0
    assert films.search(drawn[7], k=1)[0].id == "7"
    gateway.close()


def test_a_small_index_is_not_built_because_a_scan_is_as_fast(client: Client) -> None:
    films = client.create_index("films", dimension=DIMENSION)
    films.add(ids=["a", "b"], vectors=np.eye(3, dtype=np.float32)[:2])
    assert (films.info().graph_bytes, films.search([1, 0, 0], k=1)[0].id) == (0, "a")
