"""`vectord mcp` without the protocol: what it says when it cannot start, and that it ends with its input."""

import subprocess
import sys
from pathlib import Path

from tests.mcp.conftest import environment


def vectord(*words: str, code: str = "") -> subprocess.CompletedProcess[str]:
    start = ["-c", code] if code else ["-m", "vectord_client"]
    command = [sys.executable, *start, *words]
    return subprocess.run(
        command, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
    )


def test_it_ends_when_its_input_ends(tmp_path: Path) -> None:
    done = vectord("mcp", "--store", str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_a_target_it_says_what_to_set() -> None:
    done = vectord("mcp")
    assert done.returncode != 0
    assert "VECTORD_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_package_it_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['mcp'] = None; from vectord_client.cli.main import main; sys.exit(main())"
    done = vectord("mcp", "--store", str(tmp_path), code=code)
    assert done.returncode != 0
    assert "pip install 'vectord-client[mcp]'" in done.stderr
    assert "Traceback" not in done.stderr
