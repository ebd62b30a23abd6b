"""Without a Docker daemon, CI skips the stage with the reason, and `make invoke` fails with an alternative."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tools.command.errors import Missing
from tools.functions import docker, invoke, sam_local
from tools.functions.docker import Docker, NoDocker

REASON = "no Docker daemon answers, and only root can start one"


@pytest.fixture
def no_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def refuse(_: Path) -> Iterator[Docker]:
        raise NoDocker(REASON)
        yield

    for module in (sam_local, invoke):
        monkeypatch.setattr(module, "docker", refuse)


def test_a_daemon_cannot_be_started_without_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NoDocker, match=REASON), docker.docker(tmp_path):
        pass


def test_a_daemon_cannot_be_started_without_a_way_to_download_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(docker, "UNPACKED", tmp_path / "unpacked")
    monkeypatch.setattr(docker.shutil, "which", lambda *_, **__: None)
    with pytest.raises(NoDocker, match="no apt-get"), docker.docker(tmp_path):
        pass


def test_the_stage_is_skipped_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], no_docker: None
) -> None:
    sam_local.sam_local(tmp_path)
    assert f"SKIPPED sam-local: {REASON}" in capsys.readouterr().out.splitlines()


def test_invoke_names_the_alternative(tmp_path: Path, no_docker: None) -> None:
    with pytest.raises(Missing, match=f"{REASON}\n  make runtime-api"):
        invoke.invoke("search", tmp_path)


@pytest.mark.parametrize("verb", ["", "searching"])
def test_invoke_without_a_known_function_lists_the_functions(tmp_path: Path, verb: str) -> None:
    with pytest.raises(Missing, match="make invoke FN=search"):
        invoke.invoke(verb, tmp_path)
