"""The command in a real terminal of a given size."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pexpect
from tests.cli.support import Vectord

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@contextmanager
def terminal(
    vectord: Vectord, *words: str, columns: int = 80, env: Mapping[str, str] | None = None
) -> Iterator["pexpect.spawn[str]"]:
    """Start a command in a terminal."""
    first, *rest = vectord.command
    child = pexpect.spawn(
        first,
        [*rest, *words],
        cwd=str(vectord.folder),
        env={**vectord.env, **(env or {})},
        dimensions=(40, columns),
        encoding="utf-8",
        timeout=60,
    )
    try:
        yield child
    finally:
        child.close(force=True)


def shown(vectord: Vectord, *words: str, code: int = 0, columns: int = 80, env: Mapping[str, str] | None = None) -> str:
    """Run a command in a terminal, and return what it wrote there."""
    with terminal(vectord, *words, columns=columns, env=env) as child:
        child.expect(pexpect.EOF)
        child.close()
        text = str(child.before).replace("\r\n", "\n")
        assert child.exitstatus == code, text
        return text
