"""`sam local`: one call in a container of its own, or an HTTP API before containers that stay warm."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools import console, processes
from tools.docker import Docker
from tools.errors import StackFailed, UnexpectedAnswer
from tools.functions import Json, built
from tools.ministack import HOST, free_port
from tools.paths import BUILT_TEMPLATE, SAM
from tools.storage import VARIABLES, Storage

START_SECONDS = 60.0


class SamLocal:
    """Runs the built template's functions in containers made from a base image."""

    def __init__(self, folder: Path, docker: Docker, image: str, storage: Storage) -> None:
        self._folder = folder / "sam"
        self._folder.mkdir()
        self._functions = built()
        # SAM hands its own keys and region to the functions, but no endpoint: that is in the image.
        self._env = dict(docker.env) | storage.environment
        variables = self._folder / "variables.json"
        variables.write_text(json.dumps({"Parameters": VARIABLES}))
        self._options = ["--template", str(BUILT_TEMPLATE), "--env-vars", str(variables)]
        self._options += ["--invoke-image", image, "--skip-pull-image", "--layer-cache-basedir", str(self._folder)]
        self._log = self._folder / "log"

    def invoke(self, verb: str, event: Json) -> Json:
        """Run one function once. SAM's exit status is 0 on everything, so what counts is the JSON that it prints."""
        told, printed = self._folder / "event.json", self._folder / "printed.json"
        told.write_text(json.dumps(event))
        command = [str(SAM), "local", "invoke", self._functions[verb].name, "--event", str(told), *self._options]
        # The shell keeps what the function returned apart from what SAM and the function log.
        processes.run(["sh", "-c", 'exec "$@" > "$0"', str(printed), *command], self._log, self._env)
        raw = printed.read_text()
        try:
            returned: Json = json.loads(raw)
        except json.JSONDecodeError:
            raise UnexpectedAnswer(f"{verb} returned no JSON but {raw!r}\n{processes.tail(self._log)}") from None
        if "errorMessage" in returned:
            raise UnexpectedAnswer(f"{verb} raised {returned}\n{processes.tail(self._log)}")
        return returned

    def logged(self) -> str:
        """Give what SAM and the functions logged, without SAM's words on itself."""
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if line.startswith(("{", "START", "END", "REPORT", "[", "Traceback")))

    @contextmanager
    def api(self) -> Iterator[int]:
        """Serve the API without its authorizer, which SAM cannot emulate, and give its port."""
        port = free_port()
        command = [str(SAM), "local", "start-api", "--host", HOST, "--port", str(port), "--warm-containers", "LAZY"]
        command += [*self._options, "--parameter-overrides", "Authorization=NONE"]
        with processes.running(command, self._log, self._env) as child:
            with console.step("start-api", f"sam local start-api, on http://{HOST}:{port}"):
                deadline = time.monotonic() + START_SECONDS
                while not _listens(port):
                    if child.poll() is not None or time.monotonic() > deadline:
                        raise StackFailed(f"sam local start-api does not start:\n{processes.tail(self._log)}")
                    time.sleep(0.1)
            yield port


def _listens(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port)
    try:
        connection.connect()
    except OSError:
        return False
    finally:
        connection.close()
    return True
