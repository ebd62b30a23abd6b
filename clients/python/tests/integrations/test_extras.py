"""Without its framework an adapter names the missing extra; importing the client imports no framework."""

import subprocess
import sys

import pytest

FRAMEWORKS = {"langchain": "langchain_core", "haystack": "haystack", "llamaindex": "llama_index"}


@pytest.mark.parametrize("adapter", FRAMEWORKS)
def test_a_missing_framework_is_named_with_its_extra(adapter: str) -> None:
    script = (
        "import sys\n"
        f"sys.modules['{FRAMEWORKS[adapter]}'] = None\n"
        "from vectord_client import MissingExtra\n"
        f"try:\n    import vectord_client.integrations.{adapter}\n"
        "except MissingExtra as error:\n    print(error)\n"
    )
    assert f"vectord-client[{adapter}]" in run(script)


def test_the_client_imports_no_framework() -> None:
    script = f"import sys, vectord_client\nprint([name for name in {[*FRAMEWORKS.values()]} if name in sys.modules])"
    assert run(script) == "[]\n"


def run(script: str) -> str:
    environment = {"PYTHONPATH": "src"}
    return subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    ).stdout
