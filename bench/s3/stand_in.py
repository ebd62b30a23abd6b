"""The stand-in for S3 and the emulated link in front of it, each in its own process."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from bench.s3.link import DELAY, HOST, RATE, Counters
from tools.command.paths import ROOT
from tools.command.run import environment, forget_account
from tools.stack.ministack import credentials, free_port, ministack

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "bench"
KEYS = {"id": "test", "secret": "test"}  # the stand-in accepts any


@dataclass
class LinkControl:
    """The control connection of the link: its counters and its limits."""

    control: socket.socket

    def take(self) -> Counters:
        """Return the counters since the last call."""
        return self._send({})

    def limit(self, rate: float | None, delay: float) -> None:
        """Set the limits and reset the counters."""
        self._send({"rate": rate, "delay": delay})

    def _send(self, command: Mapping[str, float | None]) -> Counters:
        self.control.sendall(json.dumps(command).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            answer += self.control.recv(4096)
        return Counters(**json.loads(answer))


@dataclass(frozen=True, slots=True)
class StandIn:
    """S3 on loopback: its endpoints without (`direct`) and with (`linked`) the link, and a client of the first."""

    direct: str
    linked: str
    link: LinkControl
    s3: "S3Client"

    def limited(self, linked: bool) -> str:
        """Set or remove the limits of the link and return its endpoint; it counts bytes in both cases."""
        self.link.limit(RATE if linked else None, DELAY if linked else 0.0)
        return self.linked


@contextmanager
def stand_in(folder: Path) -> Iterator[StandIn]:
    """Run the stand-in with an empty bucket and its objects in memory, and the link."""
    forget_account()
    port = free_port()
    with ministack(folder, port, persist=False), _link(port, folder) as (linked, control):
        direct = credentials(port)["AWS_ENDPOINT_URL"]
        s3 = client(direct)
        s3.create_bucket(Bucket=BUCKET)
        yield StandIn(direct, linked, control, s3)


def client(endpoint: str) -> "S3Client":
    """Return a client of the stand-in at an endpoint."""
    return boto3.client("s3", endpoint_url=endpoint, aws_access_key_id=KEYS["id"], aws_secret_access_key=KEYS["secret"])


@contextmanager
def _link(port: int, folder: Path) -> Iterator[tuple[str, LinkControl]]:
    command = [sys.executable, "-m", "bench.s3.link", f"http://{HOST}:{port}"]
    with (folder / "link.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(folder), stdout=subprocess.PIPE, stderr=log)
    try:
        assert process.stdout is not None
        ports = json.loads(process.stdout.readline())
        with socket.create_connection((HOST, ports["control"])) as control:
            yield ports["endpoint"], LinkControl(control)
    finally:
        process.kill()
        process.communicate()
