"""The section cache stays below the process's limit of file descriptors, however many sections an index has.

Lambda allows 1,024: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html. The cache reads the limit
of its process, so a lower one shows the same with fewer commits and shards.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import vectord

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LIMIT, SPARE = 160, 48  # descriptors; the spare ones are for connections and other files
# In its own process, because files that other tests keep open would count too.
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
for change, vector in enumerate(np.random.default_rng(1).standard_normal((110, 2)).tolist()):
    assert api.add({"id": str(change), "vector": vector}).status == 200
assert len(api.search([1, 0], k=110).json["matches"]) == 110
"""
SHARDS = """
assert api.create(shards=110).status == 201
assert api.add(*({"id": str(row), "vector": [1, row]} for row in range(1_000))).status == 200
assert api.send("GET", "/indexes/t").json["count"] == 1_000
assert api.search([1, 999], k=1).json["matches"][0]["id"] == "999"
"""


def opened(folder: Path, script: str) -> int:
    """Run the script under the limit, and return how many descriptors are open at its end."""
    places = [str(ROOT), str(Path(vectord.__path__[0]).parent)]
    environment = {"TMPDIR": str(folder), "VECTORD_MAX_SHARDS": "110", "PYTHONPATH": os.pathsep.join(places)}
    run = [sys.executable, "-c", START + script + END]
    done = subprocess.run(run, check=False, env=environment, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1])


def test_many_commits_stay_below_the_descriptor_limit(tmp_path: Path) -> None:
    assert opened(tmp_path, CHANGES) < LIMIT - SPARE


def test_many_shards_stay_below_the_descriptor_limit(tmp_path: Path) -> None:
    assert opened(tmp_path, SHARDS) < LIMIT - SPARE
