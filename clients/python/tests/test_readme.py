"""The first lines of the README, run as a newcomer runs them: in a copy of the repository, with pip."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SECTION = (ROOT / "README.md").read_text().split("## Try it")[1].split("\n## ")[0]


def _block(language: str) -> str:
    [block] = re.findall(rf"^```{language}\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)
    return str(block)


def _copy_of_the_repository(target: Path) -> Path:
    made = shutil.ignore_patterns("__pycache__", ".*", "dist", "found")  # what commands make, and .git
    return Path(shutil.copytree(ROOT, target, symlinks=True, ignore=made))


def test_the_commands_install_the_client_and_the_lines_print_what_the_readme_shows(tmp_path: Path) -> None:
    clone, programs = _copy_of_the_repository(tmp_path / "clone"), tmp_path / "bin"
    programs.mkdir()
    (programs / "python3").symlink_to(Path(sys.executable).resolve())
    mine = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "VIRTUAL_ENV", "VECTORD", "XDG"))
    }
    environment = {**mine, "HOME": str(tmp_path), "PATH": f"{programs}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-euc", _block("sh")], cwd=clone, env=environment, check=True, stdin=subprocess.DEVNULL)
    program = [clone / "env/bin/python", "-c", _block("python")]
    ran = subprocess.run(program, cwd=clone, env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout == _block("text")
    assert ran.stderr == ""
