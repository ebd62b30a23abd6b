"""Fuzz targets for a limited time, two at once: `python -m fuzz.run [--seconds N] [TARGET ...]`.

Inputs that trigger a fault are stored in fuzz/found/; `python -m fuzz.one TARGET FILE` runs one again.
"""

import argparse
import importlib.util
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

NAMES = (
    "frame",
    "envelope",
    "section",
    "parts",
    "piece",
    "texts",
    "samples",
    "sparse-vectors",
    "bucket",
    "version-1",
    "body",
    "s3vectors",
    "filter",
    "lines",
    "gzip",
    "npy",
    "npz",
    "parquet",
    "request",
)
FOUND = Path(__file__).parent / "found"


def main(arguments: list[str]) -> int:
    """Fuzz each target; return 1 if a fault was found, else 0."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.run")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(NAMES))
    options = parser.parse_args(arguments)
    if importlib.util.find_spec("atheris") is None:
        print("SKIPPED fuzz: atheris has no wheel for this machine")
        return 0
    with ThreadPoolExecutor(2) as pool:
        passed = list(pool.map(lambda name: _fuzz(name, options.seconds), options.targets or NAMES))
    return 0 if all(passed) else 1


def _fuzz(name: str, seconds: int) -> bool:
    FOUND.mkdir(exist_ok=True)
    began = time.monotonic()
    command = [sys.executable, "-W", "error", "-m", "fuzz.one", name, "--seconds", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
    log = done.stdout + done.stderr
    runs, seed = re.search(r"executed_units: (\d+)", log), re.search(r"Seed: (\d+)", log)
    covered = re.findall(r"cov: (\d+)", log)
    verdict = "no fault found" if done.returncode == 0 else "FAULT FOUND"
    print(
        f"  {name:<10} {int(runs[1]) if runs else 0:>9,} inputs  {covered[-1] if covered else '?':>5} edges  "
        f"{time.monotonic() - began:4.0f} s  seed {seed[1] if seed else '?'}  {verdict}",
        flush=True,
    )
    if done.returncode:
        print(log[-6_000:], flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
