"""What tools have in common: their hints, the errors that a model may read, and strict arguments."""

import functools
from collections.abc import Callable, Iterable
from typing import Any, Final

from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import ToolAnnotations

from vectord_client.errors import VectordError

READS: Final = ToolAnnotations(read_only_hint=True, open_world_hint=False)
# An add replaces vectors with the same ids, so it is destructive too.
WRITES: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)


def tools_of(functions: Iterable[Callable[..., Any]], annotations: ToolAnnotations) -> list[Tool]:
    """Return a tool for each function: its name, docstring and signature are those that a model sees."""
    return [_strict(Tool.from_function(_anticipated(function), annotations=annotations)) for function in functions]


def _anticipated(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose errors of the client are ToolErrors: the message of any other error is hidden."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except VectordError as error:
            raise ToolError(str(error)) from error

    return call


def _strict(tool: Tool) -> Tool:
    """Refuse unknown arguments. The SDK ignores them, so that a misspelled filter would select every vector."""
    arguments = tool.fn_metadata.arg_model
    arguments.model_config["extra"] = "forbid"
    arguments.model_rebuild(force=True)
    return tool.model_copy(update={"parameters": arguments.model_json_schema(by_alias=True)})
