"""`make invoke FN=search`: run one built function in a container with its event, after the steps that it depends on."""

import json
import sys
from contextlib import ExitStack
from pathlib import Path

from tools.command import console
from tools.command.errors import Missing
from tools.command.run import run_tool
from tools.functions import base_image
from tools.functions.built import event
from tools.functions.docker import NoDocker, docker
from tools.functions.runtime_api import Host
from tools.functions.sam_local import SamLocal
from tools.functions.scenario import VERBS, Scenario
from tools.stack.storage import storage

USAGE = f"name a function: make invoke FN=search, or one of {', '.join(VERBS)}"


def invoke(verb: str, folder: Path) -> None:
    """Run the scenario's steps before this function on the host, which is faster, then the function with SAM.

    Raises:
        Missing: the function does not exist, or no Docker daemon is available.
    """
    if verb not in VERBS:
        raise Missing(USAGE)
    try:
        with docker(folder) as daemon, storage(folder, daemon.gateway()) as s3, ExitStack() as stack:
            Scenario(Host(folder, s3, stack).invoke, s3).run(VERBS[: VERBS.index(verb)])
            sam = SamLocal(folder, daemon, base_image.make(daemon, folder, s3.environment), s3)
            with console.step("invoke", f"sam local invoke with events/{verb}.json"):
                returned = sam.invoke(verb, event(verb))
            console.say(sam.logged())
            console.say(json.dumps(returned, indent=2))
    except NoDocker as reason:
        raise Missing(
            f"{reason}\n  make runtime-api runs the functions without Docker, with the same events"
        ) from reason


if __name__ == "__main__":
    sys.exit(run_tool(lambda folder: invoke("".join(sys.argv[1:]), folder)))
