"""docs/mcp.md: its configurations start the command, and its table lists the tools."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.mcp.conftest import Server, environment

PAGE = (Path(__file__).parents[4] / "docs/mcp.md").read_text()


def configurations() -> list[dict[str, list[str]]]:
    found = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
    found += [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]
    return [server for one in found for servers in one.values() for server in servers.values()]


@pytest.mark.parametrize("configured", configurations())
def test_a_configuration_is_a_command_that_exists(configured: dict[str, list[str]]) -> None:
    words = [sys.executable, "-m", "vectord_client", *configured["args"], "--help"]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=120, check=False)
    assert (configured["command"], done.returncode) == ("vectord", 0), done.stderr


def test_the_table_lists_every_tool_and_argument(writer: Server) -> None:
    rows = {row.split("`")[1]: row for row in re.findall(r"^\| `\w+`.*$", PAGE, re.MULTILINE)}
    tools = {tool.name: tool for tool in writer._tool_manager.list_tools()}
    assert rows.keys() == tools.keys()
    for name, tool in tools.items():
        missing = [argument for argument in tool.parameters["properties"] if f"`{argument}" not in rows[name]]
        assert missing == [], name
