"""`make sam-local`: every built function in a container by `sam local invoke`, some routes by `sam local start-api`.

Where no Docker daemon can be had, it says so in a line that begins with SKIPPED, and ends well.
"""

import secrets
import sys
from contextlib import closing
from pathlib import Path

from tools import console, standin
from tools.client import Client
from tools.docker import Docker, NoDocker, docker
from tools.life import VERBS, Life, check
from tools.ministack import HOST
from tools.run import run_tool
from tools.sam import SamLocal
from tools.storage import Storage, storage

MAPPED = "cat /proc/[0-9]*/maps 2>/dev/null"
# What a handler's process has mapped when the runtime, its client and the layer are where Lambda has them.
PLACES = ("/var/lang/bin/python3.12", "/var/runtime/runtime_client", "/opt/python/msgspec/_core")


def sam_local(folder: Path) -> None:
    """Find a daemon and prove the functions on it, or say why not."""
    try:
        with docker(folder) as daemon:
            _prove(folder, daemon)
    except NoDocker as reason:
        console.say(f"SKIPPED sam-local: {reason}")


def _prove(folder: Path, daemon: Docker) -> None:
    with storage(folder, daemon.gateway()) as s3:
        image = standin.make(daemon, folder, s3.environment)
        sam = SamLocal(folder, daemon, image, s3)
        Life(sam.invoke, s3).live()
        with sam.api() as port, closing(Client(HOST, port, "")) as api:
            _over_http(api, s3)
            with console.step("containers", "what the functions' processes have mapped") as step:
                step.note = _in_containers(daemon)
    console.say(f"Each of the {len(VERBS)} functions answered in a container, and the API over HTTP.")


def _over_http(api: Client, s3: Storage) -> None:
    """Write a word that nobody can guess, and read it back by search, by lookup, and in the object itself."""
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
        check(looked_up["vector"] == [3.0, 4.0], "the lookup gives the vector", looked_up)
        check(word.encode() in s3.blob(name)[0], "the object holds the word", name)
        api.call("DELETE", f"/indexes/{name}", expect=204)
        api.call("GET", f"/indexes/{name}", expect=404)
        step.note = f"{found.milliseconds:.0f} ms the first search"


def _in_containers(daemon: Docker) -> str:
    """See that the answers came from containers, and from the layer in them."""
    running = daemon.containers()
    check(len(running) >= 4, "each function that was called has a container", running)
    for container in running:
        # A process may end while its maps are read, which is no failure of the container.
        mapped = daemon("exec", "--user", "root", container, "sh", "-c", f"{MAPPED} || true")
        for place in PLACES:
            check(place in mapped, f"a process in container {container} has {place} mapped", mapped[-2000:])
    return f"{len(running)} containers: /var/lang, /var/runtime, /opt"


if __name__ == "__main__":
    sys.exit(run_tool(sam_local))
