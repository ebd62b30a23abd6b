"""DuckDB as readers and writers open it: it reaches the files of its task, and no statement changes that."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from vectord.readers.duckdb_connection import locked_connection

MEMORY = 1 << 28

# Prints the bytes of address space that a text of 200 MB leaves, in a process that imports DuckDB as ingestion does.
GROWTH = """
import resource
from pathlib import Path
from vectord.runtime.ingest import ingestion
from vectord.readers.duckdb_connection import locked_connection

ingestion()  # the composition root of the function sets DuckDB's allocator

def use(length):
    with locked_connection(1 << 30) as connection:
        connection.execute(f"select length(repeat('x', {length}))").fetchall()
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()

print(-use(1) + use(200_000_000))
"""

# Types of DuckDB are written as texts: the annotations of a test outlive the module, which then prints what is left.


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    """A Parquet file with a quote in its name."""
    path = tmp_path / "it's.parquet"
    with duckdb.connect() as connection:
        connection.sql("select 1 as a").write_parquet(str(path))
    return path


@pytest.fixture
def reading(allowed: Path) -> "Iterator[duckdb.DuckDBPyConnection]":
    with locked_connection(MEMORY, files=[allowed]) as connection:
        yield connection


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "task"
    folder.mkdir()
    return folder


@pytest.fixture
def writing(folder: Path) -> "Iterator[duckdb.DuckDBPyConnection]":
    with locked_connection(MEMORY, folder=folder, database=folder / "x.db") as connection:
        yield connection


def test_a_file_that_is_named_can_be_read(reading: "duckdb.DuckDBPyConnection", allowed: Path) -> None:
    assert reading.execute("select a from read_parquet($1)", [str(allowed)]).fetchall() == [(1,)]


@pytest.mark.parametrize(
    "statement",
    [
        "select * from read_text('/etc/passwd')",
        "select * from read_blob('/proc/self/environ')",
        "select * from read_csv('/etc/passwd')",
        "select * from glob('/etc/*')",
        "attach '/etc/passwd' as other",
        "export database '/tmp'",
        "install httpfs",
        "load httpfs",
    ],
)
@pytest.mark.parametrize("kind", ["reading", "writing"])
def test_nothing_else_can_be_read_or_loaded(kind: str, statement: str, request: pytest.FixtureRequest) -> None:
    with pytest.raises(duckdb.PermissionException):
        request.getfixturevalue(kind).execute(statement)


@pytest.mark.parametrize("place", ["{tmp}/x.parquet", "{tmp}/task/../x.parquet", "{tmp}/task2/x.parquet"])
@pytest.mark.parametrize("kind", ["reading", "writing"])
def test_nothing_can_be_written_elsewhere(
    kind: str, place: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "task2").mkdir()
    with pytest.raises(duckdb.PermissionException):
        request.getfixturevalue(kind).execute(f"copy (select 1) to '{place.format(tmp=tmp_path)}'")


def test_the_folder_of_a_task_can_be_written(writing: "duckdb.DuckDBPyConnection", folder: Path) -> None:
    writing.execute(f"copy (select 1 as a) to '{folder}/x.parquet'")
    assert writing.execute(f"select a from read_parquet('{folder}/x.parquet')").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "statement",
    [
        "set enable_external_access = true",
        "set allowed_paths = ['/etc/passwd']",
        "set allowed_directories = ['/']",
        "set lock_configuration = false",
        "set memory_limit = '100GB'",
        "set threads = 2",
        "reset allowed_paths",
        "pragma enable_profiling",
    ],
)
def test_no_setting_can_be_changed(reading: "duckdb.DuckDBPyConnection", statement: str) -> None:
    with pytest.raises(duckdb.InvalidInputException, match="locked"):
        reading.execute(statement)


def test_a_name_in_a_query_is_never_a_variable_of_the_program(reading: "duckdb.DuckDBPyConnection") -> None:
    with duckdb.connect() as connection:
        variable = connection.sql("select 1 as a").fetchnumpy()
    with pytest.raises(duckdb.CatalogException):
        reading.execute("select * from variable")
    assert variable


@pytest.mark.slow
def test_the_address_space_of_freed_memory_is_returned() -> None:
    command = [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path}\n{GROWTH}"]
    environment = {**os.environ, "VECTORD_STORE": "", "VECTORD_INBOX": "inbox", "AWS_REGION": "us-east-1"}
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert int(finished.stdout) < 100_000_000
