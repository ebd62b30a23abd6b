"""MiniStack, an emulator of AWS on loopback: one process that keeps all of its state in one folder.

`python -m tools.stack.ministack COMMAND ...` runs a command beside an empty one, whose endpoint is in
VECTORD_TEST_S3_ENDPOINT.
"""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.command import processes
from tools.command.errors import CommandFailed, StackFailed
from tools.command.paths import MINISTACK
from tools.command.run import environment, folder_of_many_files, forget_account, run_tool

HOST = "127.0.0.1"
START_SECONDS = 60.0


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def credentials(port: int) -> dict[str, str]:
    """Return environment variables that direct the AWS tools to the emulator."""
    return {
        "AWS_ENDPOINT_URL": f"http://{HOST}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


@contextmanager
def ministack(
    folder: Path, port: int, host: str = HOST, *, enforce: bool = False, persist: bool = True
) -> Iterator[None]:
    """Run MiniStack until the block is left; a later run in the same folder has the state of the earlier one.

    With `enforce` it verifies signatures and policies, and runs each function under its role. Without `persist` objects
    are only in memory; with it, MiniStack reads the whole object from disk for each range.
    """
    env = environment(folder) | {
        "AUTH": "true" if enforce else "false",
        "BIND_HOST": host,
        "GATEWAY_PORT": str(port),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folder / "state"),
        "S3_PERSIST": str(int(persist)),
        "S3_DATA_DIR": str(folder / "s3"),
        "LAMBDA_ACCOUNT_CONCURRENCY": "32",
        "IOT_MTLS_ENABLED": "0",  # it would listen on all interfaces
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{folder / 'no-docker'}",  # it would end containers of an earlier run
    }
    log = folder / "ministack.log"
    # The /tmp of functions does not survive a restart.
    with (
        folder_of_many_files(folder) as tmp,
        processes.running([str(MINISTACK)], log, env | {"TMPDIR": str(tmp)}) as child,
    ):
        _wait_until_healthy(child, host, port, log)
        yield


def _wait_until_healthy(child: subprocess.Popen[bytes], host: str, port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _healthy(host, port):
        if child.poll() is not None:
            raise StackFailed(f"MiniStack ended with status {child.returncode}:\n{processes.tail(log)}")
        if time.monotonic() > deadline:
            raise StackFailed(f"MiniStack did not answer within {START_SECONDS:.0f} s:\n{processes.tail(log)}")
        time.sleep(0.05)


def _healthy(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _run_beside(folder: Path) -> None:
    forget_account()
    port, command = free_port(), sys.argv[1:]
    env = os.environ | {"VECTORD_TEST_S3_ENDPOINT": f"http://{HOST}:{port}"}
    with ministack(folder, port), processes.running(command, None, env) as child:
        if status := child.wait():
            raise CommandFailed(f"{' '.join(command)} ended with status {status}")


if __name__ == "__main__":
    sys.exit(run_tool(_run_beside))
