"""A Docker daemon: the one that runs on this machine, else a private one that ends with the command.

The private daemon is Debian's docker.io, unpacked into .cache and not installed. It listens on a private socket, keeps
its data in the scratch folder, and does not change the machine's firewall and routing.
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

from tools.command import console, processes
from tools.command.errors import CommandFailed, Missing
from tools.command.interrupts import shield
from tools.command.paths import CACHE
from tools.command.run import environment, folder_of_many_files

UNPACKED = CACHE / "docker"
BRIDGE = "docker0"
START_SECONDS = 20.0
UNOBTRUSIVE = ("--iptables=false", "--ip-forward=false", "--ip-masq=false", "--userland-proxy=true")
ATTEMPTS = (
    UNOBTRUSIVE,
    (*UNOBTRUSIVE, "--storage-driver=vfs"),
    (*UNOBTRUSIVE, "--storage-driver=vfs", "--bip=172.31.253.1/24"),
)
LABEL = "vectord.scratch"


class NoDocker(Missing):
    """No Docker daemon is running and none can be started; the message says why."""


@dataclass(frozen=True)
class Docker:
    """A running daemon. `env` directs the docker command and SAM to it; `label` marks the images that we create."""

    env: Mapping[str, str]
    label: str

    def __call__(self, *words: str, seconds: float = 120.0) -> str:
        """Run a docker command and return its output.

        Raises:
            CommandFailed
        """
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
        """Return this machine's address as containers see it; they cannot reach its 127.0.0.1.

        Raises:
            NoDocker: it is not an address of this machine, because the daemon runs in another one.
        """
        networks = json.loads(self("network", "inspect", "bridge"))
        address: str = networks[0]["IPAM"]["Config"][0].get("Gateway", "172.17.0.1")
        with socket.socket() as probe:
            try:
                probe.bind((address, 0))
            except OSError as error:
                raise NoDocker(
                    f"the Docker daemon's gateway {address} is not an address of this machine ({error})"
                ) from error
        return address

    def containers(self) -> list[str]:
        """Return SAM's running containers of images with our label."""
        return self("ps", "--quiet", *self._ours, "--filter", "label=sam.cli.container.type=lambda").split()

    def remove(self) -> None:
        """Remove every container and image with our label; other users may share the daemon."""
        for container in self("ps", "--all", "--quiet", *self._ours).split():
            self("rm", "--force", container)
        while images := self("images", "--quiet", *self._ours).split():
            for image in images:
                with suppress(CommandFailed):  # the parent of another image: the next round removes it
                    self("image", "rm", "--force", image)
            if self("images", "--quiet", *self._ours).split() == images:
                raise CommandFailed(f"Docker cannot remove these images: {' '.join(images)}")

    @property
    def _ours(self) -> tuple[str, str]:
        return ("--filter", f"label={self.label}")


@contextmanager
def docker(folder: Path) -> Iterator[Docker]:
    """Find or start a daemon; remove the containers and images with its label when the block is left.

    Raises:
        NoDocker
    """
    with ExitStack() as stack:
        with console.step("docker", "a running daemon, or a private one") as step:
            found = _running(folder)
            step.note = "found a running one"
            if found is None:
                found = _own(folder, stack)
                step.note = f"started Debian's {found('version', '--format', '{{.Server.Version}}')}"
        try:
            yield found
        finally:
            with shield():
                found.remove()


def _running(folder: Path) -> Docker | None:
    """Return the daemon that the docker command would use."""
    if shutil.which("docker") is None:
        return None
    ask = ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]
    endpoint = subprocess.run(ask, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    host = os.environ.get("DOCKER_HOST") or endpoint.stdout.strip()
    found = Docker(environment(folder) | ({"DOCKER_HOST": host} if host else {}), f"{LABEL}={folder.name}")
    return found if _answers(found) else None


def _answers(candidate: Docker) -> bool:
    try:
        candidate("info", seconds=10)
    except (CommandFailed, subprocess.TimeoutExpired):
        return False
    return True


def _own(folder: Path, stack: ExitStack) -> Docker:
    """Start a private daemon with the first set of options that works on this machine."""
    if os.geteuid() != 0:
        raise NoDocker("no Docker daemon answers, and only root can start one")
    path = os.environ["PATH"] + os.pathsep + "/usr/sbin"
    if shutil.which("dockerd", path=path) is None:
        _unpack(folder)
    stack.callback(_remove_bridge, Path("/sys/class/net", BRIDGE).exists())
    reasons, homes = [], stack.enter_context(folder_of_many_files(folder))
    for number, options in enumerate(ATTEMPTS):
        home = homes / f"docker{number}"
        home.mkdir()
        with ExitStack() as attempt:
            try:
                started = _start(home, options, path, attempt)
                _verify(started, home)
            except CommandFailed as error:
                reasons.append(str(error))
                continue
            stack.enter_context(attempt.pop_all())
            return started
    raise NoDocker(f"no Docker daemon answers, and none of {len(ATTEMPTS)} ways to start one works: {reasons[-1]}")


def _start(home: Path, options: Sequence[str], path: str, attempt: ExitStack) -> Docker:
    """Start dockerd and wait until it answers.

    Raises:
        CommandFailed: it ended or did not answer.
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
    raise CommandFailed(f"dockerd ended or did not answer; the end of its log: {_last_line(log)}")


def _verify(started: Docker, home: Path) -> None:
    """Run one container: a daemon may start although the kernel refuses its mounts or its cgroups.

    Raises:
        CommandFailed
    """
    init = shutil.which("docker-init", path=started.env["PATH"])
    if init is None:
        return  # some distributions of Docker lack this static program
    archive = home / "init.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(Path(init).resolve(), "init")
    started("import", str(archive), "vectord/probe")
    try:
        started("run", "--rm", "vectord/probe", "/init", "--version")
    finally:
        started("image", "rm", "--force", "vectord/probe")


def _unpack(folder: Path) -> None:
    """Download Debian's packages of Docker and unpack them into .cache; the stamp is written last.

    Raises:
        NoDocker
    """
    stamp, archives, log = UNPACKED / ".stamp", folder / "archives", folder / "apt.log"
    if stamp.exists():
        return
    if shutil.which("apt-get") is None:
        raise NoDocker("no Docker daemon answers, there is no dockerd, and no apt-get to download docker.io")
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
        raise NoDocker(f"no Docker daemon answers, and docker.io cannot be downloaded: {_last_line(log)}") from error
    stamp.touch()


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return next((line for line in reversed(lines) if line.strip()), "the log is empty")


def _remove_bridge(was_there: bool) -> None:
    """Remove the network bridge that dockerd does not remove at its end."""
    if not was_there and Path("/sys/class/net", BRIDGE).exists():
        with suppress(FileNotFoundError):
            subprocess.run(["ip", "link", "delete", BRIDGE], capture_output=True, check=False)
