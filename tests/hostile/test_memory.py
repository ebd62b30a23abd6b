"""Small blobs that claim or unfold to much: a process with little memory to spare refuses them, and lives."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hostile import sealed

ROOT = Path(__file__).parents[2]
SPARE = 256 << 20  # bytes of address space beyond what the process has after its imports

# Asks every use case of the blob on stdin. An allocation beyond the limit is a MemoryError, or the end of the process.
CHILD = """
import json, resource, sys
from tests.support import hostile as h
from vectord.errors import BlobError
probe = h.Probe(int(sys.argv[1]), "a")
h.answers(h.sealed({"version": 2, "params": {"name": h.NAME, "dimension": 3}}), probe)  # imports what is imported late
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + int(sys.argv[2]),) * 2)
blob = sys.stdin.buffer.read()
print(json.dumps({
    name: isinstance(h.outcome(use, h.cold(blob)[0], probe), BlobError) for name, use in h.USE_CASES.items()
}))
"""

HEAD = b'{"version":2,"params":{"name":"n","dimension":3}'


def _many(key: bytes, item: bytes, count: int) -> bytes:
    return HEAD + b',"%b":[' % key + b",".join([item] * count) + b"]}"


def _keys(key: bytes, value: bytes, count: int) -> bytes:
    return HEAD + b',"%b":{' % key + b",".join(b'"%d":%b' % (number, value) for number in range(count)) + b"}}"


TAIL = b'{"name":"tail","bytes":0,"crc32":"00000000","id":""}'
LARGE = b'{"version":2,"params":{"name":"n","dimension":4096},"graph_rows":4294967295,"ids":[],"sections":'
CLAIMS = (
    b'[{"name":"rows","bytes":9223372036854775807,"crc32":"00000000"},'
    b'{"name":"graph","bytes":9223372036854775807,"crc32":"00000000"}]}'
)

REFUSED = {
    "brackets": HEAD + b',"metadata":{"a":' + b"[" * 4_000_000 + b"}}",
    "objects": HEAD + b',"metadata":' + b'{"a":' * 1_000_000 + b"}}",
    "ids of nothing": _many(b"ids", b'""', 1_000_000),
    "ids without rows": _many(b"ids", b'"a"', 1_000_000),
    "rows removed that are not there": _many(b"removed", b"0", 2_000_000),
    "metadata of nobody": _keys(b"metadata", b"1", 300_000),
    "sections of nothing that is known": _many(b"sections", b'{"name":"x","bytes":0,"crc32":"0"}', 100_000),
    "graphs": _many(b"sections", b'{"name":"graph","bytes":0,"crc32":"00000000"}', 100_000),
    "claims of bytes": LARGE + CLAIMS,
    "efforts that cannot be": HEAD + b',"calibration":{"forest":{"0":1}}}',
}
BORNE = {
    "tokens": _many(b"applied", b'"' + b"x" * 10 + b'"', 400_000),
    "efforts": HEAD
    + b',"calibration":{"forest":{'
    + b",".join(b'"%d":1' % effort for effort in range(1, 200_000))
    + b"}}}",
    "tails of nothing": _many(b"sections", TAIL, 2_000),
}


def _asked(envelope: bytes, spare: int = SPARE) -> dict[str, bool]:
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = ['.', 'layers/vectord']\n{CHILD}", "3", str(spare)]
    done = subprocess.run(command, cwd=ROOT, input=sealed(envelope), capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()[-2_000:]
    refused: dict[str, bool] = json.loads(done.stdout)
    return refused


@pytest.mark.parametrize("envelope", REFUSED.values(), ids=REFUSED.keys())
def test_what_claims_more_than_it_holds_is_refused_in_little_memory(envelope: bytes) -> None:
    assert set(_asked(envelope).values()) == {True}


@pytest.mark.parametrize("envelope", BORNE.values(), ids=BORNE.keys())
def test_what_lists_much_of_little_is_borne_in_little_memory(envelope: bytes) -> None:
    assert _asked(envelope).keys() >= {"describe", "search", "add"}


def test_the_limit_ends_a_process_that_takes_more() -> None:
    with pytest.raises(AssertionError, match="MemoryError"):
        _asked(BORNE["tokens"], spare=1 << 20)
