"""Open DuckDB with access to the files of one task only, and with a configuration that no statement can change."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import duckdb

_CONFIG: Final[dict[str, Any]] = {
    "threads": 1,
    "async_threads": 0,  # they read remote files; each reserves 64 MB of address space
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "python_enable_replacements": False,  # a name in a query never means a variable of the program
    "enable_external_file_cache": False,  # each file is read once
}


@contextmanager
def locked_connection(
    memory: int, *, files: Sequence[Path] = (), folder: Path | None = None, database: Path | None = None
) -> Iterator["duckdb.DuckDBPyConnection"]:
    """Yield a connection that can access `files`, `folder` and `database`, and use `memory` bytes for its buffers.

    Its temporary files are in `folder`; without one it has none. Times are in UTC.
    """
    import duckdb  # noqa: PLC0415  installed only in the functions that read and write files

    config = {**_CONFIG, "memory_limit": f"{memory}B", "temp_directory": "" if folder is None else str(folder)}
    with duckdb.connect(":memory:" if database is None else database, config=config) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"set allowed_paths = {_list_of(files)}")
        connection.execute(f"set allowed_directories = {_list_of([] if folder is None else [folder])}")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        yield connection


def _list_of(paths: Sequence[Path]) -> str:
    """Return paths as a list in SQL."""
    return "[" + ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths) + "]"
