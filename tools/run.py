"""The frame of each command: a scratch folder, a clean end whatever happens, an exit status."""

from collections.abc import Callable
from pathlib import Path

from tools import console, interrupts
from tools.errors import ToolError
from tools.scratch import scratch_folder


def run_tool(body: Callable[[Path], None]) -> int:
    """Run a command in a scratch folder and give its exit status."""
    interrupts.install()
    try:
        with scratch_folder() as folder:
            body(folder)
    except interrupts.Stopped as stop:
        console.say(f"stopped by {stop}; what was started has been ended and removed")
        return stop.exit_code
    except ToolError as problem:
        console.fail(str(problem))
        return 1
    return 0
