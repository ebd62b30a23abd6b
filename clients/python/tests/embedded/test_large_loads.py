"""The vectors of a large load into an empty index are written while its ids and metadata are checked."""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from vectord.index.codec import decode
from vectord.index.state import Index as State
from vectord_client import Client, Index
from vectord_client.embedded.entry import open_gateway
from vectord_client.embedded.requirements import Options
from vectord_client.errors import BatchInvalid, PreconditionFailed, StorageRefused
from vectord_client.rows.block import Block
from vectord_client.wire import operations

ROWS, DIMENSION = 4_200, 1_024  # 17 MB
PAGE = 4_096
DRAWN = np.random.default_rng(3).standard_normal((ROWS, DIMENSION)).astype(np.float32)
IDS = [f"row-{row}" for row in range(ROWS)]
METADATA = [{"n": row} if row % 2 else None for row in range(ROWS)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def client(folder: Path, options: Options) -> Iterator[Client]:
    gateway = open_gateway(folder, structs.replace(options, close_seconds=0.0))  # abandons a build
    with Client(folder) as opened:
        yield opened
    gateway.close()


@pytest.fixture
def films(client: Client) -> Index:
    return client.create_index("films", dimension=DIMENSION)


def add(films: Index, ids: Sequence[str] = IDS, **options: Any) -> Any:
    return films.add(ids=ids, vectors=DRAWN, metadata=METADATA, **options)


def block(texts: dict[int, bytes], ids: list[str] = IDS) -> Block:
    packed = memoryview(DRAWN.reshape(-1).view(np.uint8))
    return Block(range(ROWS), ids, packed, DIMENSION, [texts.get(row) for row in range(ROWS)])


def written(folder: Path) -> State:
    return decode.open_blob((folder / "films.lhv1").read_bytes())


def unfinished(folder: Path) -> list[Path]:
    return list((folder / ".temporary").iterdir())


def test_a_large_load_is_written_early_and_has_every_row(films: Index, folder: Path) -> None:
    added = add(films)
    state = written(folder)
    [piece] = state.tail.pieces
    assert (state.body_start + piece.vector_range[0]) % PAGE == 0
    assert piece.codes is None
    assert (added.added, state.rows.ids) == (ROWS, IDS)
    assert np.array_equal(state.rows.vectors, DRAWN)
    assert {row: bytes(text) for row, text in state.rows.metadata.items()} == {
        IDS[row]: b'{"n":%d}' % row for row in range(1, ROWS, 2)
    }
    assert films.search(DRAWN[7], k=1)[0].id == "row-7"
    assert unfinished(folder) == []


def test_a_load_with_one_id_twice_has_the_last_of_its_rows(films: Index, folder: Path) -> None:
    add(films, ["again", *IDS[1:-1], "again"])
    state = written(folder)
    assert len(state) == ROWS - 1
    assert np.array_equal(state.rows.vectors[state.rows.ids.index("again")], DRAWN[-1])
    assert unfinished(folder) == []


def test_rows_are_added_to_an_index_that_has_some(films: Index, folder: Path) -> None:
    films.add([("first", [1.0] * DIMENSION)])
    assert add(films).count == ROWS + 1
    assert len(written(folder)) == ROWS + 1
    assert unfinished(folder) == []


def test_a_large_load_into_shards_has_every_row(client: Client, folder: Path) -> None:
    sharded = client.create_index("sharded", dimension=DIMENSION, shards=2)
    add(sharded)
    assert len(sharded) == ROWS
    assert unfinished(folder) == []


def test_a_load_that_is_refused_leaves_nothing_behind(films: Index, folder: Path) -> None:
    before, run = films.etag, films._session.run
    with pytest.raises(BatchInvalid) as caught:
        run(operations.add_rows("films", block({7: b"{", 9: b"1e999"})))
    assert [item.position for item in caught.value.errors] == [7, 9]
    with pytest.raises(PreconditionFailed):
        add(films, if_match='"another"')
    with pytest.raises(BatchInvalid):
        run(operations.add_rows("films", block({}, ids=["\ud800", *IDS[1:]])))
    assert films.etag == before
    assert unfinished(folder) == []


def test_a_repeated_load_with_one_key_is_applied_once(films: Index, folder: Path) -> None:
    run = films._session.run
    first = run(operations.add_rows("films", block({}), key="k"))
    again = run(operations.add_rows("films", block({}), key="k"))
    assert (again.added, again.replaced) == (first.added, first.replaced)
    assert len(list(films.versions())) <= 3  # the empty index, the load, and perhaps its build
    assert unfinished(folder) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_refuses_a_large_load(films: Index, folder: Path) -> None:
    folder.chmod(0o500)
    try:
        with pytest.raises(StorageRefused):
            add(films)
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16])
def test_ctrl_c_at_any_moment_of_a_load_leaves_the_index_before_or_after_it(
    films: Index, folder: Path, delay: float
) -> None:
    pressed = threading.Timer(delay, signal.raise_signal, (signal.SIGINT,))
    try:
        pressed.start()
        add(films)
        pressed.join()
    except KeyboardInterrupt:
        pass
    assert len(written(folder)) in (0, ROWS)
    assert unfinished(folder) == []
    assert add(films).count == ROWS
