"""The checks before a commit are those of `make check`."""

import re
import shlex
from pathlib import Path

import yaml

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
