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
    """Fuzz one target; the exit status is 0 only if no fault was found."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.one")
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("file", nargs="?", type=Path)
    options = parser.parse_args(arguments)
    run, seeds = _target(options.target)
    if options.file:
        run(options.file.read_bytes())
        return
    with tempfile.TemporaryDirectory(prefix="vectord-fuzz-") as folder:
        for number, seed in enumerate(seeds):
            Path(folder, f"seed-{number}").write_bytes(seed)
        limits = [f"-max_total_time={options.seconds}", f"-rss_limit_mb={MEMORY_MB}", f"-timeout={SLOW_SECONDS}"]
        prefix = f"-artifact_prefix={Path(__file__).parent / 'found'}/{options.target}-"
        flags = [*limits, prefix, f"-max_len={LONGEST}", "-print_final_stats=1", "-close_fd_mask=1"]
        atheris.Setup([sys.argv[0], *flags, folder], run)
        atheris.Fuzz()


def _target(name: str) -> tuple[Callable[[bytes], None], list[bytes]]:
    sys.path[:0] = [str(ROOT), str(ROOT / "layers/vectord")]
    with atheris.instrument_imports(include=["vectord"]):
        if name == "request":
            from fuzz.requests import Requests  # noqa: PLC0415 - atheris instruments what is imported here

            requests = Requests()
            return requests.run, list(requests.seeds())
        from fuzz.targets import TARGETS  # noqa: PLC0415 - as above

        return TARGETS[name].run, list(TARGETS[name].seeds())


if __name__ == "__main__":
    main(sys.argv[1:])
