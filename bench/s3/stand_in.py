"""The stand-in for S3 and the link before it, each in a process of its own."""

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
KEYS = {"id": "test", "secret": "test"}  # the stand-in takes any


@dataclass
class Wire:
    """The link's control: what passed since the last time, and its limits."""

    control: socket.socket

    def take(self) -> Counters:
        return self._tell({})

    def limit(self, rate: float | None, delay: float) -> None:
        self._tell({"rate": rate, "delay": delay})

    def _tell(self, command: Mapping[str, float | None]) -> Counters:
        self.control.sendall(json.dumps(command).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            answer += self.control.recv(4096)
        return Counters(**json.loads(answer))


@dataclass(frozen=True, slots=True)
class StandIn:
    """S3 on loopback: `direct` and `linked` are its endpoints without and with the link, `s3` a client of the first."""

    direct: str
    linked: str
    wire: Wire
    s3: "S3Client"

    def limited(self, linked: bool) -> str:
        """Set the limits of the link, or none, and return its endpoint: what passes is counted in both cases."""
        self.wire.limit(RATE if linked else None, DELAY if linked else 0.0)
        return self.linked


@contextmanager
def stand_in(folder: Path) -> Iterator[StandIn]:
    """Run the stand-in with its objects in memory, an empty bucket in it, and the link."""
    forget_account()
    port = free_port()
    with ministack(folder, port, persist=False), _link(port, folder) as (linked, wire):
        direct = credentials(port)["AWS_ENDPOINT_URL"]
        s3 = client(direct)
        s3.create_bucket(Bucket=BUCKET)
        yield StandIn(direct, linked, wire, s3)


def client(endpoint: str) -> "S3Client":
    return boto3.client("s3", endpoint_url=endpoint, aws_access_key_id=KEYS["id"], aws_secret_access_key=KEYS["secret"])


@contextmanager
def _link(port: int, folder: Path) -> Iterator[tuple[str, Wire]]:
    command = [sys.executable, "-m", "bench.s3.link", f"http://{HOST}:{port}"]
    with (folder / "link.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(folder), stdout=subprocess.PIPE, stderr=log)
    try:
        assert process.stdout is not None
        ports = json.loads(process.stdout.readline())
        with socket.create_connection((HOST, ports["control"])) as control:
            yield ports["endpoint"], Wire(control)
    finally:
        process.kill()
        process.communicate()
