"""The README's first request, run by a shell against the stack."""

import json
import re
import subprocess

from tests.support.examples import Values
from tests.support.pages import text_of
from tools.stack.stack import Stack

README = text_of("README.md")


def test_the_first_request_returns_what_the_readme_shows(stack: Stack) -> None:
    section = README.split("## A first request")[1].split("\n## ")[0]
    script = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[0]
    shown = json.loads(re.findall(r"```json\n(.*?)```", section, re.DOTALL)[0])
    ran = subprocess.run(
        ["bash", "-euc", script.replace("curl ", "curl -sS --fail-with-body -w '\\n' ")],
        env={"URL": stack.url, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Values().difference(shown, json.loads(ran.stdout.splitlines()[-1])) is None
