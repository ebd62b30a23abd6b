"""A route of a function: the code that replies, which may be imported late, and the right that its callers need."""

from collections.abc import Callable, Mapping
from functools import cached_property
from importlib import import_module
from typing import Any

import msgspec
from msgspec import structs

from vectord.edge.access import Right
from vectord.edge.request import Request


class Reply(msgspec.Struct, frozen=True):
    """The reply of a route: status, headers, and a body that is bytes, None, or a value to encode as JSON.

    `to_shorten` says how to ask for less, if the body is larger than a response can be. `audit` has fields for the log
    line of a write.
    """

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    to_shorten: str = "Ask for a smaller k, or leave 'vector' or 'metadata' out of 'include'."
    audit: Mapping[str, Any] = msgspec.field(default_factory=dict)


class Deferred(msgspec.Struct, frozen=True, dict=True):
    """The function `name` of `module`, which is imported at the first call."""

    module: str
    name: str

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        return self.function(*args, **keywords)

    @cached_property
    def function(self) -> Callable[..., Any]:
        """The function itself."""
        function: Callable[..., Any] = getattr(import_module(self.module), self.name)
        return function


class Route[S](msgspec.Struct, frozen=True):
    """A route: the function that replies, and the right that its callers need on the index in its path.

    `right` is None for a route without an index in its path. A write has a name for the audit log, `operation`.
    `queue` gets a request with the header Prefer, and returns None if `run` should reply.
    """

    run: Callable[[Request, S], Reply]
    right: Right | None
    operation: str | None = None
    queue: Callable[[Request, S], Reply | None] | None = None

    def imported(self) -> "Route[S]":
        """Return the route with the function itself in place of a deferred one."""
        return structs.replace(self, run=self.run.function) if isinstance(self.run, Deferred) else self
