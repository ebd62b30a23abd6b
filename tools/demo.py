"""`make demo`: the whole of vectord on this machine, from the build to the last object deleted."""

import argparse
import sys
import time
from contextlib import closing
from pathlib import Path

from tools import examples
from tools.build import build
from tools.run import run_tool
from tools.stack import running_stack
from tools.tour import Tour

TITLE = """
vectord: vector search with no servers. This runs the stack of template.yaml on this machine:
the real handlers in processes of their own, the real template, HTTP on loopback. No Docker, no AWS account.
"""


def demo(folder: Path) -> None:
    """Build, start, deploy, then take the tour; all that was started ends with it."""
    print(TITLE)
    build(folder)
    with running_stack(folder) as stack, closing(Tour(stack, examples.load())) as tour:
        tour.create()
        tour.load()
        tour.upload()
        tour.ask()
        tour.measure()
        tour.restart()
        tour.delete()


def main() -> int:
    """Run the demo and say how long it took, the environments included."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--started", type=float, default=time.time(), help="when make began, in epoch seconds")
    started = arguments.parse_args().started
    status = run_tool(demo)
    if status == 0:
        print(f"\nEvery check held. {time.time() - started:.0f} s in all; nothing is left running.")
        print("Next: `make local` keeps the stack up for your own requests, `make test` runs the tests.")
    return status


if __name__ == "__main__":
    sys.exit(main())
