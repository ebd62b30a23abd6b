"""`make sam-local`: run every built function in a container, by `sam local`: its start-api, start-lambda and invoke.

`sam local invoke` builds an image and starts a container for each event, so it gets the events of one function. The
others go to `sam local start-lambda`, which keeps a container for each function.

If no Docker daemon is available, the command prints a line that begins with SKIPPED and succeeds.
"""

import http.client
import json
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tools.command import console, processes
from tools.command.errors import StackFailed, UnexpectedAnswer
from tools.command.paths import BUILT_TEMPLATE, SAM
from tools.command.run import run_tool
from tools.functions import base_image
from tools.functions.built import Function, Json, built
from tools.functions.docker import Docker, NoDocker, docker
from tools.functions.scenario import VERBS, Invoke, Scenario, check
from tools.stack.client import Client
from tools.stack.ministack import HOST, free_port
from tools.stack.storage import VARIABLES, Storage, storage

START_SECONDS = 60.0
ALONE = "search"  # the function that `sam local invoke` runs
MAPPED = "cat /proc/[0-9]*/maps 2>/dev/null"
# Files that a handler's process has mapped if the runtime, its client and the layer are at their places on Lambda.
PLACES = ("/var/lang/bin/python3.12", "/var/runtime/runtime_client", "/opt/python/msgspec/_core")


class SamLocal:
    """Runs the built template's functions in containers of a base image."""

    def __init__(self, folder: Path, docker: Docker, image: str, storage: Storage) -> None:
        self._folder = folder / "sam"
        self._folder.mkdir()
        self._functions = built()
        # SAM passes keys and region on to the functions, but not the endpoint: that is in the image.
        self._env = dict(docker.env) | storage.environment
        variables = self._folder / "variables.json"
        variables.write_text(json.dumps({"Parameters": VARIABLES}))
        self._options = ["--template", str(BUILT_TEMPLATE), "--env-vars", str(variables)]
        self._options += ["--invoke-image", image, "--skip-pull-image", "--layer-cache-basedir", str(self._folder)]
        self._log = self._folder / "log"

    def invoke(self, verb: str, event: Json) -> Json:
        """Run one function once and return its result.

        SAM's exit status is 0 even if the function failed, so the result is judged by the JSON that SAM prints.

        Raises:
            UnexpectedAnswer: the function raised an exception or did not return JSON.
        """
        given, printed = self._folder / "event.json", self._folder / "printed.json"
        given.write_text(json.dumps(event))
        command = [str(SAM), "local", "invoke", self._functions[verb].name, "--event", str(given), *self._options]
        # The shell separates the function's result (stdout) from the logs of SAM and the function (stderr).
        processes.run(["sh", "-c", 'exec "$@" > "$0"', str(printed), *command], self._log, self._env)
        return self._result(verb, printed.read_text())

    def _result(self, verb: str, raw: str) -> Json:
        """Parse what a function returned.

        Raises:
            UnexpectedAnswer
        """
        try:
            returned: Json = json.loads(raw)
        except json.JSONDecodeError:
            raise UnexpectedAnswer(f"{verb} returned no JSON but {raw!r}\n{processes.tail(self._log)}") from None
        if "errorMessage" in returned:
            raise UnexpectedAnswer(f"{verb} raised {returned}\n{processes.tail(self._log)}")
        return returned

    def logged(self) -> str:
        """Return the functions' log lines, without SAM's own."""
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if line.startswith(("{", "START", "END", "REPORT", "[", "Traceback")))

    @contextmanager
    def api(self) -> Iterator[int]:
        """Serve the API without its authorizer, which SAM cannot emulate, and yield its port."""
        with self._serving("start-api", "--parameter-overrides", "Authorization=NONE") as port:
            yield port

    @contextmanager
    def warm(self) -> Iterator[Invoke]:
        """Serve Lambda's Invoke API, and yield a function like `invoke` that invokes functions there."""
        with self._serving("start-lambda") as port:
            yield lambda verb, event: self._result(verb, self._post(port, self._functions[verb], event))

    def _post(self, port: int, function: Function, event: Json) -> str:
        connection = http.client.HTTPConnection(HOST, port, timeout=function.timeout + START_SECONDS)
        with closing(connection):
            connection.request("POST", f"/2015-03-31/functions/{function.name}/invocations", json.dumps(event))
            return connection.getresponse().read().decode()

    @contextmanager
    def _serving(self, what: str, *more: str) -> Iterator[int]:
        """Run `sam local start-...` with a container for each function that is called, and yield its port."""
        port = free_port()
        command = [str(SAM), "local", what, "--host", HOST, "--port", str(port), "--warm-containers", "LAZY"]
        with processes.running([*command, *self._options, *more], self._log, self._env) as child:
            with console.step(what, f"sam local {what}, on http://{HOST}:{port}"):
                deadline = time.monotonic() + START_SECONDS
                while not _listens(port):
                    if child.poll() is not None or time.monotonic() > deadline:
                        raise StackFailed(f"sam local {what} does not start:\n{processes.tail(self._log)}")
                    time.sleep(0.1)
            yield port


def sam_local(folder: Path) -> None:
    """Run the functions on a Docker daemon, or print why there is none."""
    try:
        with docker(folder) as daemon:
            _run_all(folder, daemon)
    except NoDocker as reason:
        console.say(f"SKIPPED sam-local: {reason}")


def _run_all(folder: Path, daemon: Docker) -> None:
    with storage(folder, daemon.gateway()) as s3:
        image = base_image.make(daemon, folder, s3.environment)
        sam = SamLocal(folder, daemon, image, s3)
        with sam.api() as port, closing(Client(HOST, port, "")) as api:
            _over_http(api, s3)
            with console.step("containers", "which files the functions' processes have mapped") as step:
                step.note = _in_containers(daemon)
        with sam.warm() as warm:
            Scenario(lambda verb, event: (sam.invoke if verb == ALONE else warm)(verb, event), s3).run()
    console.say(f"All {len(VERBS)} functions answered in containers, and the API over HTTP.")


def _over_http(api: Client, s3: Storage) -> None:
    """Write a random word and read it back with a search, with a lookup, and from the object itself."""
    word = secrets.token_hex(16)
    name = f"http-{word[:8]}"
    with console.step("http", "create, add, search, look up, delete; a random word read back") as step:
        api.call("POST", "/indexes", {"name": name, "dimension": 2, "distance": "euclidean"}, expect=201)
        vectors = [{"id": word, "vector": [3, 4], "metadata": {"word": word}}, {"id": "far", "vector": [9, 9]}]
        api.call("POST", f"/indexes/{name}/vectors", {"vectors": vectors})
        found = api.call("POST", f"/indexes/{name}/search", {"vector": [0, 0], "k": 1})
        match = {"id": word, "distance": 5.0, "metadata": {"word": word}}
        check(found.body["matches"] == [match], "the search finds the word, at its distance", found.body)
        looked_up = api.call("GET", f"/indexes/{name}/vectors/{word}").body
        check(looked_up["vector"] == [3.0, 4.0], "the lookup returns the vector", looked_up)
        check(word.encode() in s3.blob(name)[0], "the object contains the word", name)
        api.call("DELETE", f"/indexes/{name}", expect=204)
        api.call("GET", f"/indexes/{name}", expect=404)
        step.note = f"first search {found.milliseconds:.0f} ms"


def _in_containers(daemon: Docker) -> str:
    """Verify that the answers came from containers that use the layer."""
    running = daemon.containers()
    check(len(running) >= 4, "each function that was called has a container", running)
    for container in running:
        # A process may end while its maps are read; that is not a failure.
        mapped = daemon("exec", "--user", "root", container, "sh", "-c", f"{MAPPED} || true")
        for place in PLACES:
            check(place in mapped, f"a process in container {container} has {place} mapped", mapped[-2000:])
    return f"{len(running)} containers: /var/lang, /var/runtime, /opt"


def _listens(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port)
    try:
        connection.connect()
    except OSError:
        return False
    finally:
        connection.close()
    return True


if __name__ == "__main__":
    sys.exit(run_tool(sam_local))
