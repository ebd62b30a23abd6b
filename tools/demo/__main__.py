"""`make demo`: everything on this machine, from the build to the deletion of the last object."""

import argparse
import sys
import time
from contextlib import closing
from pathlib import Path

from tools.build.sam_build import build
from tools.command.run import run_tool
from tools.demo import dataset
from tools.demo.steps import DemoSteps
from tools.stack.stack import running_stack

TITLE = """
vectord: vector search with no servers. This demo runs the stack of template.yaml on this machine:
the real handlers, each in its own process, the real template, HTTP on loopback. No Docker, no AWS account.
"""


def demo(folder: Path) -> None:
    """Build, start and deploy the stack, then run the steps; all processes end with it."""
    print(TITLE)
    build(folder)
    with running_stack(folder) as stack, closing(DemoSteps(stack, dataset.load())) as steps:
        steps.create()
        steps.load()
        steps.upload()
        steps.search()
        steps.measure()
        steps.restart()
        steps.delete()


def main() -> int:
    """Run the demo and print its duration, including the creation of the environments."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--started", type=float, default=time.time(), help="when make started, in epoch seconds")
    started = arguments.parse_args().started
    status = run_tool(demo)
    if status == 0:
        print(f"\nAll checks passed in {time.time() - started:.0f} s; all processes have ended.")
        print("Next: `make local` keeps the stack running for your own requests; `make test` runs the tests.")
    return status


if __name__ == "__main__":
    sys.exit(main())
