"""A function may have 1,024 files and connections open on Lambda: no index that it serves takes it there.

The limit is Lambda's quota of file descriptors: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

import os
import subprocess
import sys
from pathlib import Path

import vectord

ROOT = Path(__file__).parents[2]
LIMIT, SPARE = 1_024, 128  # what connections and files besides the sections take
# A process of its own: what another test's service holds open would count too.
START = f"""
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({LIMIT}, {LIMIT}))
import numpy as np
from tests.support.api import Api
api = Api(one_process=True)
"""
END = """
print(len(os.listdir("/dev/fd")))
"""

CHANGES = """
assert api.create().status == 201
for change, vector in enumerate(np.random.default_rng(1).standard_normal((600, 2)).tolist()):
    assert api.add({"id": str(change), "vector": vector}).status == 200
assert len(api.search([1, 0], k=600).json["matches"]) == 600
"""
SHARDS = """
assert api.create(shards=600).status == 201
assert api.add(*({"id": str(row), "vector": [1, row]} for row in range(2_000))).status == 200
assert api.send("GET", "/indexes/t").json["count"] == 2_000
assert api.search([1, 1_999], k=1).json["matches"][0]["id"] == "1999"
"""


def opened(folder: Path, script: str) -> int:
    """Run the script under Lambda's limit, and return how many descriptors it had in the end."""
    places = [str(ROOT), str(Path(vectord.__path__[0]).parent)]
    environment = {"TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(places)}
    run = [sys.executable, "-c", START + script + END]
    done = subprocess.run(run, check=False, env=environment, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1])


def test_an_index_that_changes_often_leaves_descriptors(tmp_path: Path) -> None:
    assert opened(tmp_path, CHANGES) < LIMIT - SPARE


def test_an_index_of_many_shards_leaves_descriptors(tmp_path: Path) -> None:
    assert opened(tmp_path, SHARDS) < LIMIT - SPARE
