"""`make runtime-api`: every built function under Lambda's Runtime API on this machine, called over HTTP.

The Runtime API is that of the emulator inside the SAM command line, the client that of the runtime, awslambdaric. A
function sees its own folder and the layers that the template gives it, and nothing else of this tree.
"""

import http.client
import json
import os
import platform
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from tools import console, processes
from tools.errors import StackFailed, UnexpectedAnswer
from tools.functions import Function, Json, built
from tools.life import VERBS, Life
from tools.ministack import HOST, free_port
from tools.paths import ENVIRONMENTS, RUNTIME
from tools.run import run_tool
from tools.scratch import environment
from tools.storage import VARIABLES, Storage, storage

INVOKE = "/2015-03-31/functions/function/invocations"
START_SECONDS = 10.0
MACHINES = {"aarch64": "arm64"}  # uname's word to that of AWS, where they differ


def machine() -> str:
    """Give this machine's architecture in the words of AWS."""
    return MACHINES.get(platform.machine(), platform.machine())


class Host:
    """Functions as processes of this machine; each starts at its first call and stays warm until the stack closes."""

    def __init__(self, folder: Path, storage: Storage, stack: ExitStack) -> None:
        self._folder, self._storage, self._stack = folder, storage, stack
        self._functions = built()
        self._ports: dict[str, int] = {}

    def invoke(self, verb: str, event: Json) -> Json:
        """Call a function as Lambda would."""
        if verb not in self._ports:
            self._ports[verb] = self._start(self._functions[verb])
        port, log = self._ports[verb], self._log(verb)
        raw = _post(port, json.dumps(event), self._functions[verb].timeout + 5)
        try:
            returned: Json = json.loads(raw)
        except json.JSONDecodeError:  # the emulator's word on a time-out is text, with status 200
            raise UnexpectedAnswer(f"{verb} returned no JSON but {raw!r}\n{processes.tail(log)}") from None
        if "errorMessage" in returned:
            raise UnexpectedAnswer(f"{verb} raised {returned}\n{processes.tail(log)}")
        return returned

    def _log(self, verb: str) -> Path:
        return self._folder / f"{verb}.log"

    def _start(self, function: Function) -> int:
        port, api = free_port(), free_port()
        emulator = next(
            ENVIRONMENTS.glob(f"sam/lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{machine()}")
        )
        # The runtime's client looks for the handler in its working directory, as in /var/task.
        command = ["env", "-C", str(function.folder), str(emulator), "--log-level", "error"]
        command += ["--runtime-interface-emulator-address", f"{HOST}:{port}", "--runtime-api-address", f"{HOST}:{api}"]
        command += [str(RUNTIME / "bin" / "python"), "-m", "awslambdaric", function.handler]
        env = environment(self._folder) | self._environment(function)
        self._stack.enter_context(processes.running(command, self._log(function.verb), env))
        return port

    def _environment(self, function: Function) -> dict[str, str]:
        """Set what Lambda sets, and the variables that the template declares for the function, no other."""
        path = [str(function.folder), *(str(layer / "python") for layer in function.layers)]
        return {
            **{
                name: VARIABLES[name] if isinstance(value, dict) else str(value)
                for name, value in function.variables.items()
            },
            **self._storage.environment,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "LAMBDA_TASK_ROOT": str(function.folder),
            "PYTHONPATH": os.pathsep.join(path),
            "PYTHONDONTWRITEBYTECODE": "1",  # what is built is read-only on Lambda
        }


def _post(port: int, body: str, timeout: float) -> str:
    """Send one event; wait for the emulator to listen, not for anything else."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
        try:
            connection.connect()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise StackFailed(f"the Runtime API's emulator does not listen on port {port}") from None
            time.sleep(0.02)
            continue
        connection.request("POST", INVOKE, body)
        answer = connection.getresponse().read().decode()
        connection.close()
        return answer


def runtime_api(folder: Path) -> None:
    """Live the life of the events on the host."""
    with storage(folder) as s3, ExitStack() as stack:
        Life(Host(folder, s3, stack).invoke, s3).live()
    console.say(f"Each of the {len(VERBS)} built functions answered its event under the Runtime API as it must.")


if __name__ == "__main__":
    sys.exit(run_tool(runtime_api))
