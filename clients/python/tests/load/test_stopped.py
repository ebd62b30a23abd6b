"""A load that is killed, stopped by Ctrl-C or cancelled is finished by the next run."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.load.interruption import SMALL

from vectord_client import AsyncClient, Client, Index
from vectord_client.load.errors import (
    LoadInterrupted,
)

SRC = Path(__file__).parents[2] / "src"


PROGRAM = """
import sys
import time
from vectord_client import Client
target, path, batch_bytes = sys.argv[1:]
with Client(target) as client:
    def show(done, total):
        print(done, flush=True)
        time.sleep(0.05)  # so that there is a middle, however fast the machine is
    report = client.index("films").load(path, batch_bytes=int(batch_bytes), progress=show)
    print("finished", report.added, report.replaced, report.resumed, report.failed_count, flush=True)
"""


def run(target: str, path: Path, batch_bytes: int) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(SRC), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROGRAM, target, str(path), str(batch_bytes)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stop_after(process: subprocess.Popen, rows: int, number: int) -> str:
    """Send a signal once so many rows are acknowledged; return what was written to stderr."""
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= rows:
            break
    time.sleep(0.03)
    process.send_signal(number)
    return process.communicate(timeout=120)[1]


@pytest.mark.parametrize(("number", "count"), [(signal.SIGKILL, 100_000), (signal.SIGINT, 20_000)])
def test_a_large_load_is_stopped_twice_and_resumed(number: int, count: int, client: Client, tmp_path: Path) -> None:
    path, batch_bytes = tmp_path / "large.npz", count * 6
    vectors = np.random.default_rng(5).normal(size=(count, 16)).astype(np.float32)
    metadata = np.array([f'{{"n":{row}}}' for row in range(count)])
    np.savez(path, ids=np.array([f"id{row}" for row in range(count)]), vectors=vectors, metadata=metadata)
    films = client.create_index("films", dimension=16)
    target = films._session.target
    for rows in (count // 5, count // 2):
        error = stop_after(run(target, path, batch_bytes), rows, number)
        if number == signal.SIGINT:
            assert f"of {count:,} rows of large.npz are in the index. Run the same load again to continue." in error
    out, error = run(target, path, batch_bytes).communicate(timeout=300)
    assert (error, out.splitlines()[-1].split()[0]) == ("", "finished")
    _, added, replaced, resumed, failed = out.splitlines()[-1].split()
    assert (added, replaced, failed) == (f"{count}", "0", "0")
    assert int(resumed) >= count // 2
    assert len(films) == count
    found = {row.id: row for row in films.rows(vectors=True)}
    assert len(found) == count
    assert all(found[f"id{row}"].vector.tobytes() == vectors[row].tobytes() for row in range(count))
    assert all(found[f"id{row}"].metadata == {"n": row} for row in range(count))


def test_ctrl_c_raises_an_error_that_says_how_to_continue(films: Index, npz: Path, check: Callable) -> None:
    def press(done: int, _total: int | None) -> None:
        if 300 < done < 900:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(
        LoadInterrupted, match=r"of 1,000 rows of films\.npz are in the index\. Run the same load again"
    ):
        films.load(npz, batch_bytes=SMALL, progress=press)
    assert films.load(npz, batch_bytes=SMALL).added == 1_000
    check(films)


async def test_a_cancelled_load_is_resumed(films: Index, npz: Path, check: Callable) -> None:
    async with AsyncClient(films._session.target) as client:
        index, loop = client.index("films"), asyncio.get_running_loop()

        def cancel(done: int, _total: int | None) -> None:
            if done > 300:
                loop.call_soon_threadsafe(task.cancel)

        task = asyncio.ensure_future(index.load(npz, batch_bytes=SMALL, progress=cancel))
        with pytest.raises(asyncio.CancelledError):
            await task
        report = await index.load(npz, batch_bytes=SMALL)
        assert report.added == 1_000
        assert report.resumed > 0
    check(films)
