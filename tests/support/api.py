"""The HTTP API in one process: the template's routes, the real handlers, and events like those of API Gateway."""

import base64
import gzip
import json
import os
import re
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any
from unittest.mock import patch
from urllib.parse import quote, unquote

from tests.support import template
from vectord import runtime

DEFAULT = "$default"
# The modules of `vectord.runtime` that keep state: they create services, stores and clients once for each process.
WITH_STATE = ("resources", "api", "s3vectors", "export", "ingest", "compaction")

_numbers = count()


def load(folder: Path) -> ModuleType:
    """Run the handler in `folder` as a module with a name of its own."""
    module = ModuleType(f"handler_{folder.name}_{next(_numbers)}")
    exec(_code(folder / "handler.py"), module.__dict__)
    return module


@cache
def _code(file: Path) -> CodeType:
    """Return a file's code: tests load each handler hundreds of times, and compiling it takes most of that time."""
    return compile(file.read_bytes(), file, "exec")


@dataclass(frozen=True)
class Answer:
    """A response as a client sees it."""

    status: int
    headers: Mapping[str, str]
    text: str
    packed: bool = False

    @property
    def data(self) -> bytes:
        """The bytes of the body, decompressed."""
        body = base64.b64decode(self.text) if self.packed else self.text.encode()
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    @property
    def json(self) -> Any:
        return json.loads(self.data)

    @property
    def etag(self) -> str:
        return self.headers["ETag"]


def _restart() -> None:
    """Let the handlers that are loaded next have no service, store or cache, as in a new process.

    Loaded handlers keep theirs: they refer to the modules with state that they imported.
    """
    for name in WITH_STATE:
        sys.modules.pop(f"vectord.runtime.{name}", None)
        vars(runtime).pop(name, None)


class Api:
    """One deployment: a cold start of every function.

    As `one_process` the functions share warm state and client: the ephemeral store needs it, and it starts faster.
    `environment` are variables that its functions see in addition to those of the test.
    """

    def __init__(self, *, one_process: bool = False, environment: Mapping[str, str] | None = None) -> None:
        self._environment = environment or {}
        self.routes = {**template.routes(), DEFAULT: template.default_function()}
        self._functions: dict[Path, ModuleType] = {}
        _restart()
        for folder in sorted(set(self.routes.values())):
            if not one_process:
                _restart()
            self._functions[folder] = load(folder)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request to a percent-encoded path; a body that is neither text nor bytes is sent as JSON."""
        route, parameters = self._route(method, path)
        event = an_event(route, path, parameters, headers or {}, query, method=method)
        if isinstance(body, bytes):
            event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
        elif body is not None:
            event["body"] = body if isinstance(body, str) else json.dumps(body)
        return self.invoke(route, event)

    def function(self, folder: Path) -> ModuleType:
        """Return the handler's module of the function in a folder."""
        return self._functions[folder]

    def invoke(self, route: str, event: Mapping[str, Any]) -> Answer:
        with patch.dict(os.environ, self._environment) if self._environment else nullcontext():
            response = self._functions[self.routes[route]].lambda_handler(event, None)
        # Lambda passes responses as JSON.
        carried = json.loads(json.dumps(response))
        return Answer(carried["statusCode"], carried["headers"], carried["body"], carried["isBase64Encoded"])

    def create(self, name: str = "t", dimension: int = 2, **more: Any) -> Answer:
        return self.send("POST", "/indexes", {"name": name, "dimension": dimension, **more})

    def add(self, *vectors: Mapping[str, Any], name: str = "t", **more: Any) -> Answer:
        return self.send("POST", f"/indexes/{name}/vectors", {"vectors": vectors}, **more)

    def search(self, vector: Any, name: str = "t", **more: Any) -> Answer:
        return self.send("POST", f"/indexes/{name}/search", {"vector": vector, **more})

    def get(self, vector_id: str, name: str = "t") -> Any:
        """Return one vector with its metadata. The id travels in a body, because some ids are refused in a path."""
        [found] = self.send("POST", f"/indexes/{name}/vectors/get", {"ids": [vector_id]}).json["vectors"]
        return found

    def delete(self, vector_id: str, name: str = "t") -> Answer:
        return self.send("POST", f"/indexes/{name}/vectors/delete", {"ids": [vector_id]})

    def _route(self, method: str, path: str) -> tuple[str, Mapping[str, str]]:
        """Choose the route like an HTTP API: the fewest variables first, greedy ones last."""
        for route in sorted(self.routes, key=lambda route: ("+}" in route, route.count("{"))):
            pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", re.sub(r"{(\w+)\+}", r"(?P<\1>.+)", route))
            if match := re.fullmatch(pattern, f"{method} {path}"):
                return route, {name: as_the_gateway_decodes(value) for name, value in match.groupdict().items()}
        return DEFAULT, {}


def in_memory(folder: Path) -> Api:
    """Return a deployment over a store of its own in memory, with its section cache in `folder`.

    Several tests can share it, because it does not depend on the environment of each test.
    """
    return Api(one_process=True, environment={"VECTORD_STORE": "", "TMPDIR": str(folder)})


def encoded(text: str) -> str:
    """Return `text` as a client writes it into a path."""
    return quote(text, safe="")


def as_the_gateway_decodes(text: str) -> str:
    """Decode each percent escape but %25, as HTTP APIs do."""
    return "%25".join(unquote(part) for part in text.split("%25"))


def an_event(
    route: str,
    path: str,
    parameters: Mapping[str, str],
    headers: Mapping[str, str],
    query: Mapping[str, str] | None,
    *,
    method: str | None = None,
) -> dict[str, Any]:
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": as_the_gateway_decodes(path),
        "rawQueryString": "",
        "headers": {name.lower(): value for name, value in headers.items()},
        "requestContext": {
            "http": {"method": method or route.split(maxsplit=1)[0], "path": as_the_gateway_decodes(path)}
        },
        "isBase64Encoded": False,
    }
    if parameters:
        event["pathParameters"] = dict(parameters)
    if query:
        event["queryStringParameters"] = dict(query)
    return event
