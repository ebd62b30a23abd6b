"""`make runtime-api`: run every built function under Lambda's Runtime API on this machine.

The emulator of the Runtime API is the one inside the SAM command line; its client is the Lambda runtime's own,
awslambdaric. A function can import only from its own folder and from the layers that the template gives it.
"""

import http.client
import json
import os
import platform
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from tools.command import console, processes
from tools.command.errors import StackFailed, UnexpectedAnswer
from tools.command.paths import ENVIRONMENTS, RUNTIME
from tools.command.run import environment, run_tool
from tools.functions.built import Function, Json, built
from tools.functions.scenario import VERBS, Scenario
from tools.stack.ministack import HOST, free_port
from tools.stack.storage import VARIABLES, Storage, storage

INVOKE = "/2015-03-31/functions/function/invocations"
START_SECONDS = 10.0
MACHINES = {"aarch64": "arm64"}  # names of uname that differ from those of AWS


def machine() -> str:
    """Return this machine's architecture by its name at AWS."""
    return MACHINES.get(platform.machine(), platform.machine())


class Host:
    """Runs functions as processes; each starts at its first invocation and stays warm until `stack` closes."""

    def __init__(self, folder: Path, storage: Storage, stack: ExitStack) -> None:
        self._folder, self._storage, self._stack = folder, storage, stack
        self._functions = built()
        self._ports: dict[str, int] = {}

    def invoke(self, verb: str, event: Json) -> Json:
        """Invoke a function and return its result.

        Raises:
            UnexpectedAnswer: it raised an exception or did not return JSON.
        """
        if verb not in self._ports:
            self._ports[verb] = self._start(self._functions[verb])
        port, log = self._ports[verb], self._log(verb)
        raw = _post(port, json.dumps(event), self._functions[verb].timeout + 5)
        try:
            returned: Json = json.loads(raw)
        except json.JSONDecodeError:  # the emulator reports a timeout as text with status 200
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
        # awslambdaric imports the handler from the working directory, which is /var/task on Lambda.
        command = ["env", "-C", str(function.folder), str(emulator), "--log-level", "error"]
        command += ["--runtime-interface-emulator-address", f"{HOST}:{port}", "--runtime-api-address", f"{HOST}:{api}"]
        command += [str(RUNTIME / "bin" / "python"), "-m", "awslambdaric", function.handler]
        env = environment(self._folder) | self._environment(function)
        self._stack.enter_context(processes.running(command, self._log(function.verb), env))
        return port

    def _environment(self, function: Function) -> dict[str, str]:
        """Return the variables that Lambda sets and those that the template declares for the function."""
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
            "PYTHONDONTWRITEBYTECODE": "1",  # /opt and /var/task are read-only on Lambda
        }


def _post(port: int, body: str, timeout: float) -> str:
    """Send one event, and retry only while the emulator does not listen yet."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
        try:
            connection.connect()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise StackFailed(f"the emulator of the Runtime API does not listen on port {port}") from None
            time.sleep(0.02)
            continue
        connection.request("POST", INVOKE, body)
        answer = connection.getresponse().read().decode()
        connection.close()
        return answer


def runtime_api(folder: Path) -> None:
    """Run the scenario with processes on the host."""
    with storage(folder) as s3, ExitStack() as stack:
        Scenario(Host(folder, s3, stack).invoke, s3).run()
    console.say(f"All {len(VERBS)} built functions answered their events under the Runtime API as expected.")


if __name__ == "__main__":
    sys.exit(run_tool(runtime_api))
