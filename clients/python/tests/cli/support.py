"""The command `vectord` as users run it: a process of its own, with an environment of its own."""

import json
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

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
            if not name.startswith(("VECTORD_", "AWS_", "XDG_", "LC_", "LANG", "NO_COLOR", "COLUMNS", "LINES"))
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

    def lines(self, *words: str, **settings: Any) -> list[dict[str, Any]]:
        """Run a command in a pipe and return its JSON objects, one a line."""
        return [json.loads(line) for line in self(*words, **settings).stdout.splitlines()]

    def shell(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line of a shell in which `vectord` is the command."""
        words = " ".join(map(shlex.quote, self.command))
        script = f'set -o pipefail; vectord() {{ {words} "$@"; }}; {line}'
        return subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@dataclass(frozen=True)
class Served:
    """A service, and the rows that tests put into its index `films`."""

    url: str
    films: tuple[tuple[str, list[float], dict[str, Any]], ...] = (
        ("alien", [1.0, 0.0, 0.1], {"year": 1979, "genre": ["horror", "scifi"]}),
        ("heat", [0.0, 1.0, 0.0], {"year": 1995, "by": {"name": "Mann"}}),
        ("thief", [0.0, 4.0, 3.0], {"year": 1981, "by": {"name": "Mann"}}),
        ("七人の侍", [0.5, 0.5, 0.0], {"year": 1954, "by": {"name": "黒澤 明"}}),
        ("evil\x1b[2J\x9b31m", [0.0, 0.0, 1.0], {"note": "\x1b]0;owned\x07\n\u202e" + "x" * 5000}),
    )


Answer = Callable[[str, str], tuple[int, dict[str, str], bytes]]


@contextmanager
def server(answer: Answer) -> Iterator[str]:
    """Serve answers of a function of method and path."""

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            status, headers, body = answer(self.command, self.path)
            self.send_response_only(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = respond  # noqa: N815  the names that http.server calls

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()
