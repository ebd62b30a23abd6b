"""`vectord ui` as a process: what it prints, how it ends, and what it says when it cannot start."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

SRC = Path(__file__).parents[2] / "src"


def environment(**more: str) -> dict[str, str]:
    special = ("VECTORD_", "AWS_", "DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(special)}
    return {**inherited, "PYTHONPATH": str(SRC), "OPENBLAS_NUM_THREADS": "1", **more}


def vectord(*words: str | Path, code: str = "") -> subprocess.CompletedProcess[str]:
    start = ["-c", code] if code else ["-m", "vectord_client"]
    command = [sys.executable, *start, *map(str, words)]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_and_ends_cleanly(tmp_path: Path, ending: signal.Signals) -> None:
    command = [sys.executable, "-m", "vectord_client", "ui", "--store", str(tmp_path), "--no-open"]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        with urllib.request.urlopen(url, timeout=30) as page:
            assert b"<title>vectord</title>" in page.read()
        process.send_signal(ending)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, b"")


def test_it_ends_soon_though_the_service_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        command = [sys.executable, "-m", "vectord_client", "ui", "--url", url, "--no-open"]
        with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            page = urlsplit(json.loads(process.stdout.readline())["url"])
            with socket.create_connection((page.hostname or "", page.port or 0)) as waiting:
                waiting.sendall(f"GET {page.path}call/api/indexes HTTP/1.1\r\nHost: {page.netloc}\r\n\r\n".encode())
                asked, _ = silent.accept()
                with asked:
                    process.send_signal(signal.SIGINT)
                    _, errors = process.communicate(timeout=8)
    assert (process.returncode, errors) == (0, b"")


def test_on_a_terminal_the_address_is_for_people(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vectord_client", "ui", "--store", str(tmp_path), "--no-open", "--table"]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(5)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert str(tmp_path) in lines[0]
    assert lines[2].strip().startswith("http://127.0.0.1:")
    assert "Ctrl-C" in lines[4]


def test_a_browser_gets_an_address_without_the_token(tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.new && mv {opened}.new {opened}\n')
    browser.chmod(0o755)
    command = [sys.executable, "-m", "vectord_client", "ui", "--store", str(tmp_path)]
    with subprocess.Popen(command, env=environment(BROWSER=f"{browser} %s"), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        while not opened.exists() and process.poll() is None:
            time.sleep(0.05)
        visit = opened.read_text().strip()
        with urllib.request.urlopen(visit, timeout=30) as page:
            assert page.url == url
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert url.split("/")[3] not in visit


@pytest.mark.parametrize("package", ["waitress", "numpy"])
def test_without_its_packages_it_says_what_to_install(package: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; from vectord_client.cli.main import main; sys.exit(main())"
    done = vectord("ui", "--url", "http://127.0.0.1:1", code=code)
    assert done.returncode == 1
    assert "pip install 'vectord-client[ui]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_a_clear_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        done = vectord("ui", "--store", tmp_path, "--no-open", "--port", str(other.getsockname()[1]))
    assert done.returncode == 2
    assert "--port" in done.stderr


def test_without_a_target_it_says_what_to_set() -> None:
    done = vectord("ui", "--no-open")
    assert done.returncode != 0
    assert "VECTORD_URL" in done.stderr
    assert "Traceback" not in done.stderr
