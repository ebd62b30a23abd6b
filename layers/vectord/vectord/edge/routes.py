"""Match paths with the route keys of the API, such as `GET /indexes/{name}`, and say why a request has no route.

API Gateway chooses the route of a request. What it cannot match it sends to the function of its `$default` route.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import unquote

from vectord.errors import MethodNotAllowed, RequestInvalid, RouteNotFound

DEFAULT: Final = "$default"
PREFLIGHT: Final = "OPTIONS /{proxy+}"  # a route of its own if the API has CORS, because a preflight has no credentials

LISTED: Final = "docs/api.md and GET /openapi.json list the routes."


@cache
def parameter_names(route: str) -> frozenset[str]:
    """Return the names of the path parameters of a route key of the API."""
    return frozenset(re.findall(r"{(\w+)\+?}", route))


def method_of(event: Mapping[str, Any]) -> str:
    """Return the HTTP method of an event; empty if it has none."""
    return str((event.get("requestContext") or {}).get("http", {}).get("method", ""))


def paths_of(event: Mapping[str, Any]) -> list[str]:
    """Return the path of an event: without the stage, and as it is if a domain of its own hides the stage."""
    path, stage = event.get("rawPath") or "", (event.get("requestContext") or {}).get("stage") or DEFAULT
    if stage != DEFAULT and f"{path}/".startswith(f"/{stage}/"):
        return [path.removeprefix(f"/{stage}") or "/", path]
    return [path]


def match(event: Mapping[str, Any], routes: Collection[str]) -> tuple[str, Mapping[str, str]] | None:
    """Return the route of an event by its method and path, with the path parameters; None if it has none.

    Raises:
        RequestInvalid: a path parameter is not UTF-8.
    """
    for path in paths_of(event):
        for route in (route for route in routes if route != PREFLIGHT):
            method, _, template = route.partition(" ")
            if method == method_of(event) and (found := _pattern(template).fullmatch(path)):
                return route, {name: _unquoted(value) for name, value in found.groupdict().items()}
    return None


def _unquoted(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:  # replacing such bytes could name another vector
        raise RequestInvalid(f"The path has {text!r}, whose bytes are not UTF-8. Encode text as UTF-8.") from error


def allowed_methods(path: str, routes: Collection[str]) -> list[str]:
    """Return the methods of the routes that match a path, sorted; an empty list if none does."""
    split = (route.partition(" ") for route in routes if route != DEFAULT)
    return sorted({method for method, _, template in split if _pattern(template).fullmatch(path)})


def refusal(event: Mapping[str, Any], routes: Collection[str]) -> RouteNotFound | MethodNotAllowed:
    """Return the error for an event that matches none of `routes`: all routes of the API."""
    for path in paths_of(event):
        if methods := allowed_methods(path, routes):
            method = method_of(event)
            if method not in methods:
                return MethodNotAllowed(method, path, methods)
            return RouteNotFound(
                f"The path {path!r} matches a route only after decoding. Encode the slashes that belong to an "
                f"id as %2F, and no others. {LISTED}"
            )
    path = paths_of(event)[0]
    return RouteNotFound(f"There is no resource {path!r}.{''.join(_hints(path, routes))} {LISTED}")


def _hints(path: str, routes: Collection[str]) -> Iterator[str]:
    shorter = path.rstrip("/")
    if shorter != path and allowed_methods(shorter, routes):
        yield f" Remove the slash at its end: {shorter!r}."
    elif "//" in path:
        yield " It has an empty segment, where an index name is perhaps missing."
    elif allowed_methods(path.lower(), routes):
        yield f" Paths are case-sensitive: {path.lower()!r}."


@cache
def _pattern(template: str) -> re.Pattern[str]:
    greedy = re.sub(r"{(\w+)\\\+}", r"(?P<\1>.+)", re.escape(template).replace(r"\{", "{").replace(r"\}", "}"))
    return re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", greedy), re.DOTALL)
