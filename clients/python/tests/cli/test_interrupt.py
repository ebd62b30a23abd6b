"""Ctrl-C at any time ends a command with a message, without a traceback, and with exit code 130."""

import os
import signal
import subprocess
import sys
import threading
import tomllib
import urllib.request
from pathlib import Path

from tests.cli.support import SRC, Served, Vectord, server

PROJECT = SRC.parent / "pyproject.toml"
# A module in place of a dependency, during whose import Ctrl-C comes.
INTERRUPTS = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(5)\n"


def test_ctrl_c_during_the_imports_shows_no_traceback(vectord: Vectord, tmp_path: Path) -> None:
    (tmp_path / "msgspec.py").write_text(INTERRUPTS)
    module, function = tomllib.loads(PROJECT.read_text())["project"]["scripts"]["vectord"].split(":")
    script = f"import sys\nfrom {module} import {function}\nsys.exit({function}())"  # as installers write it
    env = {**vectord.env, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(SRC)])}
    done = subprocess.run([sys.executable, "-c", script, "ls"], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")


def test_a_second_ctrl_c_says_that_batches_in_flight_are_not_counted(films: Vectord, served: Served) -> None:
    with urllib.request.urlopen(f"{served.url}/indexes/films") as response:
        described = (200, {"content-type": "application/json", "etag": response.headers["etag"]}, response.read())
    sent, finish = threading.Event(), threading.Event()

    def answer(method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        if method == "POST" and path.endswith("/vectors"):
            sent.set()
            finish.wait(60)
        return described

    (films.folder / "films.jsonl").write_text('{"id": "a", "vector": [1, 2, 3]}\n')
    with server(answer) as url:
        command = [*films.command, "add", "films.jsonl", "--via", "batches", "--url", url]
        with subprocess.Popen(command, cwd=films.folder, env=films.env, stderr=subprocess.PIPE, text=True) as process:
            assert sent.wait(60)
            process.send_signal(signal.SIGINT)
            try:
                process.wait(1)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        finish.set()
    assert process.returncode == 130
    assert said == "At least 0 rows of films.jsonl are in the index. Run the same load again to continue.\n"
