"""The two ways into embedded mode: open a folder in this process, and `vectord serve`.

This module imports the engine only after it checked that the engine can run.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vectord_client.embedded.requirements import Options, check_requirements

if TYPE_CHECKING:
    from vectord_client.embedded.transport import Gateway


def open_gateway(folder: Path, options: Options | None = None) -> "Gateway":
    """Open `folder`, and create it if it is missing; all gateways of this process to one folder share one engine.

    Raises:
        MissingExtra: this Python is too old or too new for the engine, or libraries of the engine are not installed.
        TargetInvalid: the path cannot be a folder.
    """
    check_requirements()
    from vectord_client.embedded import transport  # noqa: PLC0415  imports the engine, after the check

    return transport.Gateway(folder, options or Options())


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
