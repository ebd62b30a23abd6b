"""Bodies of S3 Vectors at the limit of their size, full of junk: each is refused in little memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.s3vectors import ARN_PREFIX

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SPARE = 400 << 20  # bytes of address space beyond what the process has after its imports; an event has 40 MB

# Sends each body in gzip to the handler in limited memory, and prints operation, status and the name of the error.
CHILD = """
import gzip, json, logging, resource
logging.disable(logging.CRITICAL)
from tests.support.api import Api
from tests.support.vector_index import VectorIndex, a_vector
from vectord.edge.encoding import MAX_DECODED

index = VectorIndex(Api(one_process=True))
index.put(a_vector("alien", [1, 0]))
NAMES = '{"vectorBucketName":"films","indexName":"plots",'
VECTOR, QUERY = '{"key":"a","data":{"float32":[1,1]}}', '"topK":1,"queryVector":{"float32":[1,1]},'
BODIES = {
    "PutVectors": [
        ('"vectors":[', "1", "]}"), ('"vectors":[', "{}", "]}"), ('"vectors":[', VECTOR, "]}"),
        ('"vectors":[', '{"key":"","data":{}}', "]}"),
        ('"vectors":[{"key":"a","data":{"float32":[', "1", "]}}]}"),
        ('"vectors":[{"key":"a","data":{"float32":[1,1]},"metadata":{"a":[', "[]", "]}}]}"),
    ],
    "GetVectors": [('"keys":[', '""', "]}"), ('"keys":[', "1", "]}")],
    "DeleteVectors": [('"keys":[', '"ab"', "]}")],
    "QueryVectors": [
        ('"topK":1,"queryVector":{"float32":[', "1", "]}}"),
        (QUERY + '"filter":{"a":{"$in":[', "{}", "]}}}"),
        (QUERY + '"queryTexts":[', '{"text":"a","metadataKey":"b"}', "]}"),
    ],
    "CreateIndex": [('"metadataConfiguration":{"nonFilterableMetadataKeys":[', '"a"', "]}}")],
    "UpdateMetadataConfiguration": [('"add":{"textSearchConfigurations":[', '{"metadataKey":"a"}', "]}}")],
}
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + SPARE,) * 2)
for operation, bodies in BODIES.items():
    for before, item, after in bodies:
        count = (MAX_DECODED - 200) // (len(item) + 1)
        items = (item + ",").encode() * (count - 1)
        body = gzip.compress(b"".join(((NAMES + before).encode(), items, (item + after).encode())), 1)
        answer = index.api.send("POST", f"/{operation}", body, headers={"Content-Encoding": "gzip"})
        print(json.dumps([operation, before + item, answer.status, answer.json["__type"]]), flush=True)
assert index.found() == ["alien"]
print(json.dumps("done"))
"""


def test_each_body_of_junk_is_refused_in_little_memory() -> None:
    command = [sys.executable, "-c", f"SPARE = {SPARE}\n{CHILD}"]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("VECTORD_")},
        "PYTHONPATH": f"{ROOT}:{ROOT / 'layers/vectord'}",
        "OPENBLAS_NUM_THREADS": "1",
        "VECTORD_ARN_PREFIX": ARN_PREFIX,
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=300, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith((b"[", b'"'))]
    assert lines[-1:] == ["done"], (lines, done.stderr.decode()[-2_000:])
    assert {(status, name) for _, _, status, name in lines[:-1]} == {(400, "ValidationException")}
