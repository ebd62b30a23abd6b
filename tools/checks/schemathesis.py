"""`make schemathesis`: test the API from its OpenAPI document alone.

`python -m tools.checks.schemathesis [EXAMPLES]` runs every phase of schemathesis on a stack of its own, with EXAMPLES
examples for each operation.
"""

import subprocess
import sys
from pathlib import Path

from tools.command.errors import CheckFailed
from tools.command.paths import ROOT
from tools.command.run import run_tool
from tools.stack.client import Client
from tools.stack.ministack import HOST
from tools.stack.stack import OPEN, Stack, running_stack

DOCUMENT = ROOT / "docs/openapi.json"
SETTINGS = ROOT / "tools/checks/schemathesis.toml"
SEED = 20261123
EXAMPLES = 100
INDEX = "schemathesis"  # the name in the settings

# Phases and modes. The short run leaves out the coverage of invalid requests, which takes minutes.
SHORT = (("coverage", "positive"), ("fuzzing,stateful", "all"))
LONG = (("examples,coverage,fuzzing,stateful", "all"),)


def prepare(stack: Stack) -> None:
    """Create the index that the settings refer to."""
    api = Client(HOST, stack.port, stack.path)
    api.call("POST", "/indexes", {"name": INDEX, "dimension": 1, "distance": "euclidean"}, expect=201)
    vectors = [{"id": "a", "vector": [0], "metadata": {"": 0}}, {"id": "b", "vector": [1]}]
    api.call("POST", f"/indexes/{INDEX}/vectors", {"vectors": vectors})
    api.close()


def run(url: str, folder: Path, phases: str, mode: str, examples: int) -> str:
    """Run schemathesis in a scratch folder and return its output.

    Raises:
        CheckFailed: it found a fault.
    """
    command = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(SETTINGS), "run", str(DOCUMENT)]
    command += ["--url", url, "--seed", str(SEED), "--max-examples", str(examples), "--phases", phases, "--mode", mode]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CheckFailed(f"schemathesis found a fault in the phases {phases}:\n{done.stdout}{done.stderr}")
    return done.stdout


def _run(folder: Path) -> None:
    examples = int(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLES
    with running_stack(folder, OPEN, enforce=True) as stack:
        prepare(stack)
        for phases, mode in LONG:
            print(run(stack.url, folder, phases, mode, examples))


if __name__ == "__main__":
    sys.exit(run_tool(_run))
