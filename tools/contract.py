"""Run the store's contract tests against MiniStack too, whose conditional writes hold when writers race."""

import os
import sys
from pathlib import Path

from tools import processes
from tools.errors import CommandFailed
from tools.ministack import HOST, free_port, ministack
from tools.run import run_tool
from tools.scratch import forget_account


def contract(folder: Path) -> None:
    """Start a bare MiniStack, run tests/contract beside it, end it."""
    forget_account()
    port, command = free_port(), [sys.executable, "-m", "pytest", "tests/contract"]
    env = os.environ | {"VECTORD_TEST_S3_ENDPOINT": f"http://{HOST}:{port}"}
    with ministack(folder, port), processes.running(command, None, env) as tests:
        if tests.wait() != 0:
            raise CommandFailed("the contract does not hold on MiniStack")


if __name__ == "__main__":
    sys.exit(run_tool(contract))
