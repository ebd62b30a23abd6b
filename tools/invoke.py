"""`make invoke FN=search`: run one built function in a container with its event, in the state that it presumes."""

import json
import sys
from contextlib import ExitStack
from pathlib import Path

from tools import console, standin
from tools.docker import NoDocker, docker
from tools.errors import Missing
from tools.functions import event
from tools.life import VERBS, Life
from tools.run import run_tool
from tools.runtime_api import Host
from tools.sam import SamLocal
from tools.storage import storage

USAGE = f"say which function: make invoke FN=search, or one of {', '.join(VERBS)}"


def invoke(verb: str, folder: Path) -> None:
    """Live the life up to the function's part, on the host because that is fast; then run the function by SAM.

    Raises:
        Missing: there is no such function, or no Docker daemon.
    """
    if verb not in VERBS:
        raise Missing(USAGE)
    try:
        with docker(folder) as daemon, storage(folder, daemon.gateway()) as s3, ExitStack() as stack:
            Life(Host(folder, s3, stack).invoke, s3).live(VERBS[: VERBS.index(verb)])
            sam = SamLocal(folder, daemon, standin.make(daemon, folder, s3.environment), s3)
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
