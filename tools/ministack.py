"""MiniStack, the stand-in for AWS: one process on loopback, with all of its state in one folder."""

import http.client
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools import processes
from tools.errors import StackFailed
from tools.paths import MINISTACK
from tools.scratch import environment

HOST = "127.0.0.1"
START_SECONDS = 60.0


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def credentials(port: int) -> dict[str, str]:
    """Give the variables that lead the AWS tools to the stand-in, and nowhere else."""
    return {
        "AWS_ENDPOINT_URL": f"http://{HOST}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


@contextmanager
def ministack(
    folder: Path, port: int, host: str = HOST, *, enforce: bool = False, persist: bool = True
) -> Iterator[None]:
    """Run the stand-in until the block is left; a later run in the same folder finds the state of the earlier one.

    With `enforce` it checks signatures and policies, and runs each function under its role. Without `persist` it keeps
    objects in memory alone; with it, each read of a range reads the whole object from disk.
    """
    shutil.rmtree(folder / "tmp", ignore_errors=True)  # what functions of an earlier run kept in /tmp is no state
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
        "DOCKER_HOST": f"unix://{folder / 'no-docker'}",  # it would look for containers of its own and end them
    }
    log = folder / "ministack.log"
    with processes.running([str(MINISTACK)], log, env) as child:
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
