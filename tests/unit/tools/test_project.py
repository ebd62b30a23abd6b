"""The files about the project agree: pre-commit and the Makefile, the version and the changelog, the license."""

import hashlib
import re
import shlex
from pathlib import Path

import yaml

from tools.env import pins

ROOT = Path(__file__).parents[3]


def recipe(target: str) -> list[list[str]]:
    """Return the commands of a target of the Makefile, with the paths of the tools."""
    text = (ROOT / "Makefile").read_text()
    found = re.search(rf"^{target}:[^\n]*\n((?:\t[^\n]*\n)+)", text, re.MULTILINE)
    assert found, f"the Makefile has no target {target}"
    lines = found[1].replace("$(DEV)", ".venv/dev/bin/python").replace("$(SAM)", ".venv/sam/bin/sam").splitlines()
    return [shlex.split(line.removeprefix("\t@")) for line in lines]


def test_pre_commit_runs_the_commands_of_make_check() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert [shlex.split(hook["entry"]) for hook in hooks] == recipe("check")


def test_pre_commit_runs_every_check_whatever_has_changed() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert all(hook["always_run"] and not hook["pass_filenames"] for hook in hooks)


def test_the_newest_release_of_the_changelog_is_the_version_of_the_project() -> None:
    releases = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert releases[0] == pins.project_version()


def test_the_license_is_the_unaltered_text_of_apache_2() -> None:
    canonical = (
        "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"  # apache.org/licenses/LICENSE-2.0.txt
    )
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == canonical
