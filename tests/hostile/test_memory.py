"""Small blobs that describe or unfold to much data: a process with little memory refuses them, and does not crash."""

import json
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.hostile import sealed

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SPARE = 96 << 20  # bytes of address space beyond what the process has after its imports

# Reads (spare bytes, length, blob) from stdin. For each blob it forks, limits the memory of the new process, runs every
# use case there, and prints which of them refused the blob; or else prints the last line of the failure.
CHILD = """
import json, os, resource, struct, sys, traceback
from tests.support import hostile as h
from vectord.errors import BlobError
probe = h.Probe(3, "a")
h.outcomes(h.sealed({"version": 2, "params": {"name": h.NAME, "dimension": 3}}), probe)  # completes the imports

def outcomes(blob, spare):
    try:
        size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + spare,) * 2)
        return {
            name: isinstance(h.outcome(use, h.cold_service(blob)[0], probe), BlobError)
            for name, use in h.USE_CASES.items()
        }
    except BaseException:
        return traceback.format_exc().splitlines()[-1]

while header := sys.stdin.buffer.read(16):
    spare, length = struct.unpack("<QQ", header)
    blob = sys.stdin.buffer.read(length)
    if pid := os.fork():
        _, status = os.waitpid(pid, 0)
        if status:
            print(json.dumps(f"the process ended with status {status}"), flush=True)
    else:
        print(json.dumps(outcomes(blob, spare)), flush=True)
        os._exit(0)
"""

type RunUseCases = Callable[..., dict[str, bool]]


@pytest.fixture(scope="module")
def run_use_cases() -> Iterator[RunUseCases]:
    """Return a function that runs every use case on a blob in limited memory, and returns which of them refused it."""
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = ['.', 'layers/vectord']\n{CHILD}"]
    environment = {"OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def run(envelope: bytes, spare: int = SPARE) -> dict[str, bool]:
            blob = sealed(envelope)
            stdin.write(struct.pack("<QQ", spare, len(blob)) + blob)
            stdin.flush()
            outcomes = json.loads(stdout.readline())
            assert isinstance(outcomes, dict), outcomes
            return outcomes

        yield run
        stdin.close()


HEAD = b'{"version":2,"params":{"name":"n","dimension":3}'


def _list(key: bytes, item: bytes, count: int) -> bytes:
    return HEAD + b',"%b":[' % key + b",".join([item] * count) + b"]}"


def _object(key: bytes, value: bytes, count: int) -> bytes:
    return HEAD + b',"%b":{' % key + b",".join(b'"%d":%b' % (number, value) for number in range(count)) + b"}}"


TAIL = b'{"name":"tail","bytes":0,"crc32":"00000000","id":""}'
HUGE_SECTIONS = (
    b'{"version":2,"params":{"name":"n","dimension":4096},"graph_rows":4294967295,"ids":[],"sections":['
    b'{"name":"rows","bytes":9223372036854775807,"crc32":"00000000"},'
    b'{"name":"graph","bytes":9223372036854775807,"crc32":"00000000"}]}'
)

REFUSED = {
    "nested arrays": HEAD + b',"metadata":{"a":' + b"[" * 2_000_000 + b"}}",
    "nested objects": HEAD + b',"metadata":' + b'{"a":' * 500_000 + b"}}",
    "empty ids": _list(b"ids", b'""', 500_000),
    "ids without rows": _list(b"ids", b'"a"', 500_000),
    "removed rows that do not exist": _list(b"removed", b"0", 1_000_000),
    "metadata of ids that do not exist": _object(b"metadata", b"1", 50_000),
    "unknown sections": _list(b"sections", b'{"name":"x","bytes":0,"crc32":"0"}', 50_000),
    "many graphs": _list(b"sections", b'{"name":"graph","bytes":0,"crc32":"00000000"}', 50_000),
    "sections of 2^63 bytes": HUGE_SECTIONS,
    "an effort out of range": HEAD + b',"calibration":{"forest":{"0":1}}}',
}
READ = {
    "many commit ids": _list(b"applied", b'"' + b"x" * 10 + b'"', 200_000),
    "many efforts": HEAD
    + b',"calibration":{"forest":{'
    + b",".join(b'"%d":1' % effort for effort in range(1, 100_000))
    + b"}}}",
    "many empty tails": _list(b"sections", TAIL, 1_000),
}


@pytest.mark.parametrize("envelope", REFUSED.values(), ids=REFUSED.keys())
def test_an_envelope_that_describes_more_than_the_object_has_is_refused(
    run_use_cases: RunUseCases, envelope: bytes
) -> None:
    assert set(run_use_cases(envelope).values()) == {True}


@pytest.mark.parametrize("envelope", READ.values(), ids=READ.keys())
def test_a_long_envelope_of_small_values_is_read(run_use_cases: RunUseCases, envelope: bytes) -> None:
    assert run_use_cases(envelope).keys() >= {"describe", "search", "add"}


def test_the_memory_limit_is_effective(run_use_cases: RunUseCases) -> None:
    # Numbers, and not strings: msgspec 0.22 does not check that a string was allocated, and crashes.
    envelope = _list(b"removed", b"1000000000", 1_000_000)
    with pytest.raises(AssertionError, match="MemoryError"):
        run_use_cases(envelope, spare=16 << 20)
