"""Fuzz one target in this process, or run it once on a file: `python -m fuzz.one TARGET [--seconds N | FILE]`."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[1]
MEMORY_MB, SLOW_SECONDS, LONGEST = 2_048, 10, 1 << 16


def main(arguments: list[str]) -> None:
    """Run it; the process ends with status 0 only if nothing was found."""
    asked = argparse.ArgumentParser(prog="python -m fuzz.one")
    asked.add_argument("target")
    asked.add_argument("--seconds", type=int, default=60)
    asked.add_argument("file", nargs="?", type=Path)
    options = asked.parse_args(arguments)
    run, seeds = _target(options.target)
    if options.file:
        run(options.file.read_bytes())
        return
    with tempfile.TemporaryDirectory(prefix="vectord-fuzz-") as folder:
        for number, seed in enumerate(seeds):
            Path(folder, f"seed-{number}").write_bytes(seed)
        limits = [f"-max_total_time={options.seconds}", f"-rss_limit_mb={MEMORY_MB}", f"-timeout={SLOW_SECONDS}"]
        kept = f"-artifact_prefix={Path(__file__).parent / 'found'}/{options.target}-"
        flags = [*limits, kept, f"-max_len={LONGEST}", "-print_final_stats=1", "-close_fd_mask=1"]
        atheris.Setup([sys.argv[0], *flags, folder], run)
        atheris.Fuzz()


def _target(name: str) -> tuple[Callable[[bytes], None], list[bytes]]:
    sys.path[:0] = [str(ROOT), str(ROOT / "layers/vectord")]
    with atheris.instrument_imports(include=["vectord"]):
        if name == "request":
            from fuzz.requests import Requests  # noqa: PLC0415  instrumented as it is imported

            requests = Requests()
            return requests.run, list(requests.seeds())
        from fuzz.targets import TARGETS  # noqa: PLC0415  as above

        return TARGETS[name].run, list(TARGETS[name].seeds())


if __name__ == "__main__":
    main(sys.argv[1:])
