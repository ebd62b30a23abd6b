"""The command `vectord` as users run it: a process of its own, with an environment of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SRC = Path(__file__).parents[2] / "src"


@dataclass
class Vectord:
    """Runs `vectord` in a folder, with a home of its own."""

    folder: Path
    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """The environment: nothing of the machine's that could decide where the command works."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("VECTORD_", "AWS_", "XDG_", "LC_", "LANG", "NO_COLOR"))
        }
        own = {
            "PYTHONPATH": str(SRC),
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm",
            "OPENBLAS_NUM_THREADS": "1",
        }
        return {**inherited, **own, **self.environment}

    @property
    def command(self) -> list[str]:
        """The words that start the command."""
        return [sys.executable, "-m", "vectord_client"]

    def __call__(
        self, *words: str, code: int | None = 0, stdin: bytes | str | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command without a terminal, and expect an exit code."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            [*self.command, *words],
            input=data if data is not None else b"",
            capture_output=True,
            cwd=self.folder,
            env={**self.env, **(env or {})},
            timeout=120,
            check=False,
        )
        out, err = done.stdout.decode(), done.stderr.decode("utf-8", "backslashreplace")
        assert code is None or done.returncode == code, f"exit code {done.returncode}\n{out}\n{err}"
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)
