"""Bodies at the limit of their size, full of junk: a function with little memory to spare refuses each, and goes on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SPARE = 400 << 20  # bytes of address space beyond what the process has after its imports; an event has 40 MB

# Sends each body in gzip to a handler in limited memory, and prints its name, the status, and the type of the problem.
CHILD = """
import gzip, json, logging, resource
logging.disable(logging.CRITICAL)
from tests.support.api import Api
from vectord.edge.encoding import MAX_DECODED

api = Api(one_process=True)
api.create()
GZIP = {"Content-Encoding": "gzip"}
ROUTES = {
    "vectors": ("POST", "/indexes/t/vectors"),
    "vectors/delete": ("POST", "/indexes/t/vectors/delete"),
    "vectors/get": ("POST", "/indexes/t/vectors/get"),
    "search": ("POST", "/indexes/t/search"),
    "recall": ("POST", "/indexes/t/recall"),
    "facets": ("POST", "/indexes/t/vectors/facets"),
    "count": ("POST", "/indexes/t/vectors/count"),
    "patch": ("PATCH", "/indexes/t/vectors"),
}
BODIES = {
    "vectors": [('{"vectors":[', "1", "]}"), ('{"vectors":[', "{}", "]}"), ('{"vectors":[', "[]", "")],
    "vectors/delete": [
        ('{"ids":[', "1", "]}"), ('{"ids":[', '""', "]}"),
        ('{"ids":[1,', '"ab"', "]}"), ('{"ids":["a"],', '"ids":1', "}"),
    ],
    "vectors/get": [('{"ids":[', '""', "]}")],
    "search": [('{"vectors":[', "[]", "]}"), ('{"vector":[', "1", "]}"), ("[", "1", "]"), ("[", "[],", "")],
    "recall": [('{"vectors":[', '""', "]}")],
    "facets": [('{"paths":[', '"a"', "]}")],
    "count": [('{"filter":{"a":{"$in":[', "{}", "]}}}")],
    "patch": [('{"metadata":{},"ids":[', "null", "]}"), ('{"ids":["a"],"metadata":[', "{}", "]}")],
}
api.send("POST", "/indexes/t/search", gzip.compress(b'{"vector":[1,1]}'), headers=GZIP)
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + SPARE,) * 2)
for route, bodies in BODIES.items():
    for before, item, after in bodies:
        count = (MAX_DECODED - 100) // (len(item) + 1)
        items = (item + ",").encode() * (count - 1)
        body = gzip.compress(b"".join((before.encode(), items, (item + after).encode())), 1)
        method, path = ROUTES[route]
        answer = api.send(method, path, body, headers=GZIP)
        print(json.dumps([route, before + item, answer.status, answer.json["type"]]), flush=True)
assert api.search([1, 1]).status == 200
print(json.dumps("done"))
"""


def test_each_body_of_junk_is_refused_in_little_memory() -> None:
    command = [sys.executable, "-c", f"SPARE = {SPARE}\n{CHILD}"]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("VECTORD_")},
        "PYTHONPATH": f"{ROOT}:{ROOT / 'layers/vectord'}",
        "OPENBLAS_NUM_THREADS": "1",
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=300, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith((b"[", b'"'))]
    assert lines[-1:] == ["done"], (lines, done.stderr.decode()[-2_000:])
    assert {status for _, _, status, _ in lines[:-1]} <= {400, 413, 422}
