"""The CPU seconds of importing each handler, which every cold start spends before it reads a byte."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from tools.command.paths import ROOT

BASELINE = 'import numpy, boto3; boto3.client("s3")'
# The import of a handler creates no client; this one does, like the baseline.
_WITH_CLIENT = "search, and its S3 client"
_FUNCTIONS = ROOT / "functions"
_RUNS = 9
# With what functions defer to their first event.
_HANDLER = "import handler; hasattr(handler, 'cold_start') and handler.cold_start.import_deferred()"
_CLIENT = (
    f"{_HANDLER}; from vectord.runtime import resources, settings; "
    "resources.store_of(settings.Settings.read({'VECTORD_STORE': 's3://b/p', 'AWS_REGION': 'us-east-1', "
    "'AWS_ACCESS_KEY_ID': 'none', 'AWS_SECRET_ACCESS_KEY': 'none'}))"
)
_CODE = "import time; start = time.process_time(); {work}; print(time.process_time() - start)"


def measure() -> dict[str, float]:
    """Return the median user and system CPU seconds of the baseline and of each handler's import.

    Each run is a new interpreter; the time before its first import is not counted. The handlers alternate. A first run,
    which is not counted, writes the bytecode.
    """
    works: dict[str, tuple[str, Sequence[Path]]] = {BASELINE: (BASELINE, [])}
    for folder in sorted(path.parent for path in _FUNCTIONS.glob("*/handler.py")):
        works[folder.name] = (_HANDLER, [folder])
    works[_WITH_CLIENT] = (_CLIENT, [_FUNCTIONS / "search"])
    seconds: dict[str, list[float]] = {name: [] for name in works}
    with tempfile.TemporaryDirectory(prefix="vectord-bench-") as bytecode:
        for _ in range(_RUNS + 1):
            for name, (work, first) in works.items():
                seconds[name].append(_cpu(work, _environ(bytecode, first)))
    return {name: median(taken[1:]) for name, taken in seconds.items()}


def _cpu(work: str, environ: Mapping[str, str]) -> float:
    command = [sys.executable, "-c", _CODE.format(work=work)]
    return float(subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout)


def _environ(bytecode: str, first: Sequence[Path]) -> dict[str, str]:
    path = [*map(str, first), os.environ["PYTHONPATH"]]
    return {
        **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONPYCACHEPREFIX": bytecode,
        # Otherwise the client would look for credentials on the network.
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
