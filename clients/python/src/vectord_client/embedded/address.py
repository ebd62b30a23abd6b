"""Sockets of servers on this machine. This module imports no part of the engine."""

import socket

from vectord_client.errors import AddressUnusable


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any free one.

    Raises:
        AddressUnusable: the address is not one of this machine, or another program has it.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=1_024)
    except OverflowError as error:
        raise AddressUnusable(f"{port} is not a port: use 1 to 65535, or 0 for any free one.") from error
    except socket.gaierror as error:
        raise AddressUnusable(f"{host} is not an address of this machine: {error.strerror}.") from error
    except OSError as error:
        raise AddressUnusable(
            f"The server cannot listen on {host}:{port}: {error.strerror}. Choose another port with --port; 0 is any "
            "free one."
        ) from error
