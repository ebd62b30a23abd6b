"""Several processes on one folder, forked ones, and the end of a process: in any case, acknowledged rows are kept."""

import signal
import time
from pathlib import Path

import pytest
from tests.embedded.support import run, running

from vectord_client import Client

WRITER = """
import sys
from vectord_client import Client
films = Client(sys.argv[1]).index("films")
print("ready", flush=True)
sys.stdin.readline()
for row in range(int(sys.argv[3])):
    films.add([(f"{sys.argv[2]}-{row}", [1, row])])
    print(row, flush=True)
"""

FORKING = """
import os, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of each fork beside a thread
from vectord_client import Client
films = Client(sys.argv[1]).create_index("films", dimension=2)
films.add([("parent", [1, 0])])
if (child := os.fork()) == 0:
    films.add([("child", [0, 1])])
    films.search([0, 1])
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
films.add([("again", [1, 1])])
print(len(films))
"""

BUILDING = """
import sys, time
import numpy as np
from vectord_client import Client
films = Client(sys.argv[1]).index("films")
rows = np.random.default_rng(7).normal(size=(2_100, films.info().parameters.dimension)).astype(np.float32)
for start in range(0, 2_100, 700):
    films.add(ids=[f"new-{row}" for row in range(start, start + 700)], vectors=rows[start : start + 700])
print("added", flush=True)
END
"""

SILENT = """
import os, sys
before = dict(os.environ)
from vectord_client import Client
with Client(sys.argv[1]) as client:
    films = client.create_index("films", dimension=2)
    films.add([("a", [1, 0])])
    films.search([1, 0])
    films.upload_link("more.jsonl", 1)
    films.export_link("jsonl")
assert dict(os.environ) == before
print([name for name in ("boto3", "botocore.session", "duckdb", "httpx2", "annoy") if name in sys.modules])
"""


def test_two_processes_write_to_one_index(tmp_path: Path) -> None:
    with Client(tmp_path / "data") as client:
        films = client.create_index("films", dimension=2)
        with (
            running(WRITER, tmp_path / "data", "a", "30") as first,
            running(WRITER, tmp_path / "data", "b", "30") as second,
        ):
            for process in (first, second):
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
            for process in (first, second):
                assert process.stdin is not None
                process.stdin.write("\n")
                process.stdin.close()
            assert (first.wait(60), second.wait(60)) == (0, 0)
        assert len(films) == 60
        assert films.search([1, 29], k=2).count == 60


def test_a_killed_writer_loses_no_acknowledged_row(tmp_path: Path) -> None:
    with Client(tmp_path / "data") as client:
        films = client.create_index("films", dimension=2)
        with running(WRITER, tmp_path / "data", "a", "10000") as writer:
            assert writer.stdin is not None
            assert writer.stdout is not None
            writer.stdin.write("\n")
            writer.stdin.flush()
            lines = [writer.stdout.readline() for _ in range(20)]
            writer.kill()
            acknowledged = [*lines[1:], *writer.stdout.readlines()]
        count = len(films)
        assert count in {len(acknowledged), len(acknowledged) + 1}
        films.add([("z", [1, 1])])
        assert len(films) == count + 1


def test_a_client_works_in_a_forked_process(tmp_path: Path) -> None:
    done = run(FORKING, tmp_path / "data")
    assert (done.stdout, done.stderr) == ("3\n", "")


def test_it_writes_nothing_and_leaves_the_environment_and_heavy_libraries_alone(tmp_path: Path) -> None:
    done = run(SILENT, tmp_path / "data")
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize("end", ["", "raise SystemExit(3)", "films = None"])
def test_a_process_that_ends_finishes_its_builds(built: Path, end: str) -> None:
    done = run(BUILDING.replace("END", end), built)
    assert (done.stdout, done.stderr) == ("added\n", "")
    assert not list(built.glob(".staging/*"))
    with Client(built) as client:
        assert len(client.index("films")) == 6_100


@pytest.mark.parametrize("delay", [0.0, 0.3, 0.8])
def test_ctrl_c_ends_a_process_that_builds(built: Path, delay: float) -> None:
    with running(BUILDING.replace("END", "while True:\n    time.sleep(1)"), built) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "added\n"
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        # Python ends by the signal, or with status 1 if a thread evaluates code, as imports do, while the process ends.
        assert process.wait(20) in {-signal.SIGINT, 1}
        assert time.monotonic() - start < 5
        assert process.stderr.read().rstrip().endswith("KeyboardInterrupt")
    with Client(built) as client:
        assert len(client.index("films")) == 6_100
