"""A Docker daemon: the one that runs on this machine, else one of our own that ends with us and leaves nothing.

Our own comes from Debian's docker.io, unpacked into .cache and never installed: it listens on a private socket, keeps
its data in the scratch folder and leaves the machine's firewall and routing alone.
"""

import json
import os
import shutil
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tools import console, processes
from tools.errors import CommandFailed, Missing
from tools.interrupts import shield
from tools.paths import CACHE
from tools.scratch import environment

UNPACKED = CACHE / "docker"
BRIDGE = "docker0"
START_SECONDS = 20.0
GENTLE = ("--iptables=false", "--ip-forward=false", "--ip-masq=false", "--userland-proxy=true")
ATTEMPTS = (GENTLE, (*GENTLE, "--storage-driver=vfs"), (*GENTLE, "--storage-driver=vfs", "--bip=172.31.253.1/24"))
LABEL = "vectord.scratch"


class NoDocker(Missing):
    """No Docker daemon runs here and none can be started; the message says why."""


@dataclass(frozen=True)
class Docker:
    """A daemon that answers; `env` leads the docker command and SAM to it, and `label` marks what is made by us."""

    env: Mapping[str, str]
    label: str

    def __call__(self, *words: str, seconds: float = 120.0) -> str:
        """Run a docker command and give what it prints."""
        done = subprocess.run(
            ["docker", *words],
            check=False,
            env=dict(self.env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        if done.returncode != 0:
            raise CommandFailed(f"docker {' '.join(words)} ended with status {done.returncode}:\n{done.stderr.strip()}")
        return done.stdout.strip()

    def gateway(self) -> str:
        """Give this machine's address as containers see it: they cannot reach its 127.0.0.1.

        Raises:
            NoDocker: it is no address of this machine, as with a daemon in another one.
        """
        networks = json.loads(self("network", "inspect", "bridge"))
        address: str = networks[0]["IPAM"]["Config"][0].get("Gateway", "172.17.0.1")
        with socket.socket() as probe:
            try:
                probe.bind((address, 0))
            except OSError as error:
                raise NoDocker(f"the Docker daemon's gateway {address} is not of this machine ({error})") from error
        return address

    def containers(self) -> list[str]:
        """List SAM's containers that run on images of this label."""
        return self("ps", "--quiet", *self._ours, "--filter", "label=sam.cli.container.type=lambda").split()

    def remove(self) -> None:
        """Remove every container and image of this label, and nothing else: others may use the same daemon."""
        for container in self("ps", "--all", "--quiet", *self._ours).split():
            self("rm", "--force", container)
        while images := self("images", "--quiet", *self._ours).split():
            for image in images:
                with suppress(CommandFailed):  # a parent of another, to be removed in the next turn
                    self("image", "rm", "--force", image)
            if self("images", "--quiet", *self._ours).split() == images:
                raise CommandFailed(f"these Docker images of ours cannot be removed: {' '.join(images)}")

    @property
    def _ours(self) -> tuple[str, str]:
        return ("--filter", f"label={self.label}")


@contextmanager
def docker(folder: Path) -> Iterator[Docker]:
    """Give a daemon; containers and images that are made in the block with its label go with it.

    Raises:
        NoDocker
    """
    with ExitStack() as stack:
        with console.step("docker", "a daemon that runs, or one of our own") as step:
            found = _running(folder)
            step.note = "found one that runs"
            if found is None:
                found = _own(folder, stack)
                step.note = f"started Debian's {found('version', '--format', '{{.Server.Version}}')}"
        try:
            yield found
        finally:
            with shield():
                found.remove()


def _running(folder: Path) -> Docker | None:
    """Find the daemon that the docker command would talk to."""
    if shutil.which("docker") is None:
        return None
    ask = ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]
    told = subprocess.run(ask, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    host = os.environ.get("DOCKER_HOST") or told.stdout.strip()
    found = Docker(environment(folder) | ({"DOCKER_HOST": host} if host else {}), f"{LABEL}={folder.name}")
    return found if _answers(found) else None


def _answers(candidate: Docker) -> bool:
    try:
        candidate("info", seconds=10)
    except (CommandFailed, subprocess.TimeoutExpired):
        return False
    return True


def _own(folder: Path, stack: ExitStack) -> Docker:
    """Start a daemon, the simplest way that works here."""
    if os.geteuid() != 0:
        raise NoDocker("no Docker daemon answers, and only root can start one")
    path = os.environ["PATH"] + os.pathsep + "/usr/sbin"
    if shutil.which("dockerd", path=path) is None:
        _unpack(folder)
    stack.callback(_remove_bridge, Path("/sys/class/net", BRIDGE).exists())
    reasons = []
    for number, options in enumerate(ATTEMPTS):
        home = folder / f"docker{number}"
        home.mkdir()
        with ExitStack() as attempt:
            try:
                started = _start(home, options, path, attempt)
                _run_something(started, home)
            except CommandFailed as error:
                reasons.append(str(error))
                continue
            stack.enter_context(attempt.pop_all())
            return started
    raise NoDocker(f"no Docker daemon answers, and none of {len(ATTEMPTS)} ways to start one works: {reasons[-1]}")


def _start(home: Path, options: Sequence[str], path: str, attempt: ExitStack) -> Docker:
    """Start dockerd, which is given up when it ends or keeps silent.

    Raises:
        CommandFailed
    """
    host, log = f"unix://{home / 'socket'}", home / "dockerd.log"
    env = environment(home) | {"PATH": f"{path}{os.pathsep}{UNPACKED}/usr/bin{os.pathsep}{UNPACKED}/usr/sbin"}
    env |= {"DOCKER_HOST": host, "DOCKER_CONFIG": str(home)}
    command = ["dockerd", "--host", host, "--data-root", str(home / "data"), "--exec-root", str(home / "exec")]
    command += ["--pidfile", str(home / "pid"), *options]
    child, started = (
        attempt.enter_context(processes.running(command, log, env)),
        Docker(env, f"{LABEL}={home.parent.name}"),
    )
    deadline = time.monotonic() + START_SECONDS
    while child.poll() is None and time.monotonic() < deadline:
        if _answers(started):
            return started
        time.sleep(0.1)
    raise CommandFailed(f"dockerd ended or did not answer; its last words: {_last_words(log)}")


def _run_something(started: Docker, home: Path) -> None:
    """See that a container runs at all: a daemon may start where the kernel refuses its mounts or its cgroups.

    Raises:
        CommandFailed
    """
    init = shutil.which("docker-init", path=started.env["PATH"])
    if init is None:
        return  # the smallest program that needs nothing beside it comes with docker, but not from everybody
    archive = home / "init.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(Path(init).resolve(), "init")
    started("import", str(archive), "vectord/probe")
    try:
        started("run", "--rm", "vectord/probe", "/init", "--version")
    finally:
        started("image", "rm", "--force", "vectord/probe")


def _unpack(folder: Path) -> None:
    """Fetch Debian's packages of Docker and unpack them aside; the stamp comes last.

    Raises:
        NoDocker
    """
    stamp, archives, log = UNPACKED / ".stamp", folder / "archives", folder / "apt.log"
    if stamp.exists():
        return
    if shutil.which("apt-get") is None:
        raise NoDocker("no Docker daemon answers, there is no dockerd, and no apt-get to fetch Debian's docker.io")
    (archives / "partial").mkdir(parents=True)
    UNPACKED.mkdir(parents=True, exist_ok=True)
    fetch = ["apt-get", "install", "--yes", "--no-install-recommends", "--download-only", "docker.io"]
    fetch += ["--option", f"Dir::Cache::archives={archives}", "--option", "APT::Sandbox::User=root"]
    env = environment(folder)
    try:
        processes.run(["apt-get", "update"], log, env)
        processes.run(fetch, log, env)
        for package in sorted(archives.glob("*.deb")):
            processes.run(["dpkg-deb", "--extract", str(package), str(UNPACKED)], log, env)
    except CommandFailed as error:
        raise NoDocker(f"no Docker daemon answers, and Debian's docker.io cannot be had: {_last_words(log)}") from error
    stamp.touch()


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return next((line for line in reversed(lines) if line.strip()), "it says nothing")


def _remove_bridge(was_there: bool) -> None:
    """Remove the network bridge that dockerd leaves behind."""
    if not was_there and Path("/sys/class/net", BRIDGE).exists():
        with suppress(FileNotFoundError):
            subprocess.run(["ip", "link", "delete", BRIDGE], capture_output=True, check=False)
