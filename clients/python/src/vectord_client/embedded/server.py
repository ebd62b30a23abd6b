"""`vectord serve`: the whole HTTP API over a folder, in one process. This module imports no part of the engine."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

from vectord_client.embedded.gateway import check_requirements
from vectord_client.embedded.options import Options


def serve(
    folder: Path,
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    announce: Callable[[str, str], object],
    open_to_network: bool = False,
    options: Options | None = None,
) -> None:
    """Serve `folder`, which is created if it is missing, until Ctrl-C or SIGTERM.

    `announce` gets the URL, and lines for people, once requests are answered. Port 0 is any free one. Everyone who
    reaches the server may do everything, so another address than one of this machine needs `open_to_network`.

    Raises:
        MissingExtra: the engine or the server cannot run in this environment.
        TargetInvalid: the path cannot be a folder.
        AddressUnusable: the address is not one of this machine, another program has it, or the network reaches it.
    """
    check_requirements("waitress")
    logging.basicConfig(
        format="%(levelname)s %(message)s"
    )  # failures, on stderr, unless the program configured logging
    # DuckDB's allocator keeps the address space of freed memory otherwise, as `vectord.runtime.ingest` says.
    os.environ.setdefault("DUCKDB_JE_MALLOC_CONF", "retain:false")
    from vectord_client.embedded.listening import Server  # noqa: PLC0415  imports the engine, after the check

    with Server(folder, host, port, open_to_network=open_to_network, options=options or Options()) as server:
        announce(server.url, server.greeting)
        server.run()
