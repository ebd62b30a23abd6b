"""Shell completion: commands, options and names of indexes."""

import shutil
import subprocess

import pytest
from tests.cli.support import Vectord

PLACES = {
    "bash": ".local/share/bash-completion/completions/vectord",
    "zsh": ".zfunc/_vectord",
    "fish": ".config/fish/completions/vectord.fish",
}


def completed(vectord: Vectord, *words: str) -> list[str]:
    """Return what bash offers for the last of these words."""
    env = {
        "_VECTORD_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["vectord", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(
        vectord.command, env={**vectord.env, **env}, cwd=vectord.folder, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_completes_commands_and_options(vectord: Vectord) -> None:
    assert completed(vectord, "se") == ["search", "serve"]
    assert completed(vectord, "search", "films", "--fil") == ["--filter"]
    assert set(completed(vectord, "search", "films", "--st")) == {"--store", "--stats"}


def test_completes_names_of_indexes(films: Vectord) -> None:
    films("create", "series", "--dimension", "2")
    assert completed(films, "search", "") == ["films", "series"]
    assert completed(films, "info", "se") == ["series"]
    assert completed(films, "cp", "f") == ["films"]


def test_completes_names_of_the_target_of_the_line(films: Vectord) -> None:
    url = films.environment.pop("VECTORD_URL")
    assert completed(films, "search", "--url", url, "f") == ["films"]
    assert completed(films, "--url", url, "search", "f") == ["films"]


def test_offers_no_names_and_shows_no_error_without_a_service(vectord: Vectord) -> None:
    assert completed(vectord, "search", "") == []
    assert completed(vectord, "search", "--url", "http://127.0.0.1:9", "") == []
    assert completed(vectord, "search", "--url", "nonsense://x", "") == []


@pytest.mark.parametrize("shell", PLACES)
def test_installs_the_script_of_a_shell(vectord: Vectord, shell: str) -> None:
    script = vectord("completion", shell).stdout
    assert "_VECTORD_COMPLETE" in script
    done = vectord("completion", shell, "--install")
    assert (vectord.home / PLACES[shell]).read_text() == script
    assert str(vectord.home / PLACES[shell]) in done.stderr
    vectord("completion", shell, "--install")


@pytest.mark.parametrize("shell", PLACES)
def test_the_script_is_valid(vectord: Vectord, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = vectord("completion", shell).stdout
    subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_an_unknown_shell_is_a_usage_error(vectord: Vectord) -> None:
    vectord("completion", "tcsh", code=2)
