"""Where the numbers come from: one machine's facts, without which they mean little."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


def machine() -> list[tuple[str, str]]:
    threads = os.environ["OPENBLAS_NUM_THREADS"]
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "annoy", "msgspec", "boto3"))
    load = ", ".join(f"{load:.2f}" for load in os.getloadavg())
    return [
        ("processor", _processor()),
        ("cores", f"{os.cpu_count()}, of which one is used (OPENBLAS_NUM_THREADS={threads})"),
        ("load before", load),
        ("system", platform.platform()),
        ("python", platform.python_version()),
        ("packages", versions),
    ]


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
