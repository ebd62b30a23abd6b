"""Hostile files, each in one batch with a good one, in a process with little memory: the good one is ingested.

One file for each way in which a small file can claim or decode to much; tests/unit/readers has the variants.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.api import Api
from tests.support.hostile_files import FILES
from tests.support.inbox import Inbox

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SPARE = 700 << 20  # bytes of address space beyond what the process has after its imports; DuckDB reserves 450 MB
LIMIT_SECONDS = 120  # the function's time

# Reads batches of messages from stdin, invokes the function with each in little memory, prints which it wants again.
CHILD = """
import json, resource, sys, time
from pathlib import Path
from types import SimpleNamespace
from tests.support.api import load
spare, seconds = map(int, sys.argv[1:])
handler = load(Path("functions/ingest")).lambda_handler
present = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (present + spare, present + spare))

def again(batch):
    end = time.monotonic() + seconds
    left = lambda: int((end - time.monotonic()) * 1000)
    context = SimpleNamespace(aws_request_id="r", get_remaining_time_in_millis=left)
    records = [{"messageId": f"m{number}", "body": body} for number, body in enumerate(batch)]
    answer = handler({"Records": records}, context)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

failed = [again(batch) for batch in json.load(sys.stdin)]
print("\\n" + json.dumps(failed))
"""


def test_a_hostile_file_is_reported_and_the_good_file_of_its_batch_is_ingested(api: Api, inbox: Inbox) -> None:
    batches = []
    for number, (name, make) in enumerate(FILES.items()):
        files = {f"uploads/t/{name}": make(), f"uploads/t/{number}.jsonl": b'{"id":"%d","vector":[1,0]}' % number}
        for key, data in files.items():
            inbox.put(key, data)
        batches.append([inbox.event(key, data) for key, data in files.items()])
    assert deliver(batches) == [[]] * len(FILES)
    assert sorted(inbox.files_of_reports()) == sorted(f"uploads/t/{name}" for name in FILES)
    stored = {row["id"] for row in api.send("GET", "/indexes/t/vectors").json["vectors"]}
    assert stored == {str(number) for number in range(len(FILES))}


def deliver(batches: list[list[str]]) -> list[list[str]]:
    """Deliver each batch to a process with little memory; return the messages of each that it wants again."""
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = ['.', 'layers/vectord']\n{CHILD}"]
    finished = subprocess.run(
        [*command, str(SPARE), str(LIMIT_SECONDS)],
        cwd=ROOT,
        input=json.dumps(batches),
        capture_output=True,
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-2_000:]
    return json.loads(finished.stdout.splitlines()[-1])
