"""A replacement for Lambda's base image, made from this machine's own files, so that no image registry is needed.

It has Python under /var/lang, the runtime's client and boto3 under /var/runtime, a shell, the C and C++ libraries, and
certificate authorities at their path on Amazon Linux (obstore's client does not start without any, even for HTTP). It
is this machine's Linux, not Amazon's, so it cannot prove that compiled code runs on Amazon Linux; `make build` verifies
that.
"""

import io
import re
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.command import console
from tools.command.errors import StackFailed
from tools.command.paths import RUNTIME
from tools.functions.docker import Docker

NAME = "vectord/lambda-base:python3.12"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
COMMANDS = ("sh", "cat", "chmod", "cp", "env", "ls", "mkdir", "mv", "rm")
# Left out of the standard library: large packages that no function imports, and modules that need more libraries.
LEFT_OUT = re.compile(
    r"/(site-packages|test|idlelib|tkinter|turtledemo|ensurepip|__pycache__|config-[^/]*)(/|$)|_tkinter"
)
AUTHORITIES = "etc/pki/tls/certs/ca-bundle.crt"
FOLDERS = ("dev", "opt", "proc", "root", "sys", "tmp", "var/rapid", "var/task")

BOOTSTRAP = f"""#!/bin/sh
export AWS_EXECUTION_ENV=AWS_Lambda_python{VERSION}
export LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib
export PYTHONPATH=/opt/python/lib/python{VERSION}/site-packages:/opt/python:/var/runtime
exec /var/lang/bin/python{VERSION} -m awslambdaric "$_HANDLER"
"""
TEXTS = {
    "var/runtime/bootstrap": BOOTSTRAP,
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nsbx_user1051:x:993:990::/tmp:/bin/sh\n",
    "etc/group": "root:x:0:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}
# Libraries that the C library loads by name, and those that wheels and annoy expect on any Linux.
EXPECTED = (
    *("libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0", "librt.so.1", "libutil.so.1"),
    *("libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2", "libgcc_s.so.1", "libstdc++.so.6"),
)
PROBE = "import awslambdaric, boto3, ctypes, runtime_client, sqlite3, ssl, sys; print(sys.version.split()[0])"


def make(docker: Docker, folder: Path, env: Mapping[str, str]) -> str:
    """Create the image, with environment variables for all functions, and return its name."""
    archive = folder / "image.tar"
    with console.step("image", "a replacement for Lambda's base image, from this machine") as step:
        _write(archive)
        settings = {
            "LANG": "en_US.UTF-8",
            "TZ": ":/etc/localtime",
            "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin:/bin",
        }
        settings |= {"LAMBDA_TASK_ROOT": "/var/task", "LAMBDA_RUNTIME_DIR": "/var/runtime", **env}
        changes = [f"ENV {name}={value}" for name, value in settings.items()] + [
            f"LABEL {docker.label}",
            "WORKDIR /var/task",
        ]
        docker("import", *(word for change in changes for word in ("--change", change)), str(archive), NAME)
        size = archive.stat().st_size >> 20
        archive.unlink()
        python = ["--env", "LD_LIBRARY_PATH=/var/lang/lib", "--env", "PYTHONPATH=/var/runtime"]
        # Fail now rather than inside SAM if the image cannot load the runtime's client.
        found = docker("run", "--rm", *python, NAME, f"/var/lang/bin/python{VERSION}", "-c", PROBE)
        step.note = f"Python {found}, {size} MiB"
    return NAME


def _write(archive: Path) -> None:
    files = dict(_contents())
    with tarfile.open(archive, "w") as tar:
        for name in FOLDERS:
            _add_folder(tar, name)
        for name, text in TEXTS.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(text), 0o755
            tar.addfile(info, io.BytesIO(text.encode()))
        for name, source in files.items():
            info = tar.gettarinfo(str(source), name)
            with source.open("rb") as content:
                tar.addfile(info, content)


def _add_folder(tar: tarfile.TarFile, name: str) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
    tar.addfile(info)


def _contents() -> Iterator[tuple[str, Path]]:
    """Yield each file of the image: its name in the image and its path on this machine."""
    python, library = Path(sys.executable).resolve(), Path(sysconfig.get_path("stdlib"))
    yield f"var/lang/bin/python{VERSION}", python
    modules = [
        path for path in library.rglob("*") if path.is_file() and not LEFT_OUT.search(f"/{path.relative_to(library)}")
    ]
    for path in modules:
        yield f"var/lang/lib/python{VERSION}/{path.relative_to(library)}", path.resolve()
    client = RUNTIME / "lib" / f"python{VERSION}" / "site-packages"
    for path in client.rglob("*"):
        if path.is_file() and path.relative_to(client).parts[0] not in {"pip", "setuptools"}:
            yield f"var/runtime/{path.relative_to(client)}", path
    yield AUTHORITIES, client / "botocore" / "cacert.pem"
    commands = {f"bin/{name}": _command(name) for name in COMMANDS}
    yield from commands.items()
    yield "usr/bin/env", commands["bin/env"]
    yield from _libraries([python, *commands.values(), *(path for path in modules if path.suffix == ".so")])


def _command(name: str) -> Path:
    found = next((path for path in (Path("/usr/bin", name), Path("/bin", name)) if path.exists()), None)
    if found is None:
        raise StackFailed(f"this machine has no {name} to put into the image")
    return found.resolve()


def _libraries(programs: list[Path]) -> Iterator[tuple[str, Path]]:
    """Yield the shared libraries that programs need, and `EXPECTED`."""
    linked = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    needed = set(re.findall(r"(/\S+\.so[.\d]*) \(0x", linked))
    known = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    for name in EXPECTED:
        needed |= set(re.findall(rf"{re.escape(name)} \(.*(?:x86-64|AArch64).*\) => (\S+)", known)[:1])
    for path in sorted(needed):
        yield path.lstrip("/"), Path(path).resolve()
