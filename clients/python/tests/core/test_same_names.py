"""The two clients have the same methods with the same parameters."""

import inspect
from typing import Any

import pytest

from vectord_client import (
    AsyncChange,
    AsyncClient,
    AsyncIndex,
    AsyncQueued,
    AsyncRows,
    AsyncView,
    Change,
    Client,
    Index,
    Queued,
    Rows,
    View,
)

PAIRS = [(Client, AsyncClient), (View, AsyncView), (Index, AsyncIndex), (Rows, AsyncRows)]
PAIRS += [(Change, AsyncChange), (Queued, AsyncQueued)]
# `len`, `in`, `[]` and truth of an index cannot be awaited; `count`, `has` and `one` are their methods.
SYNC_ONLY = {"__len__", "__contains__", "__getitem__", "__bool__"}


def _public(kind: type[Any]) -> dict[str, Any]:
    """Return the methods and properties that callers use; the names of protocols without their `a`."""
    own = {name: member for base in kind.__mro__[:-1] for name, member in vars(base).items()}
    special = {"__aiter__": "__iter__", "__aenter__": "__enter__", "__aexit__": "__exit__"}
    skipped = {"__module__", "__doc__", "__annotations__", "__dict__", "__weakref__"}  # what each class has
    skipped |= {"__firstlineno__", "__static_attributes__"}  # from Python 3.13 on
    return {
        special.get(name, name): member
        for name, member in own.items()
        if name not in skipped and (not name.startswith("_") or name.startswith("__"))
    }


def _parameters(member: Any) -> list[tuple[str, Any, Any, str]]:
    if isinstance(member, property):
        return []
    return [
        (each.name, each.kind, each.default, str(each.annotation).replace("Async", "").replace(".async_", "."))
        for each in inspect.signature(member).parameters.values()
    ]


@pytest.mark.parametrize(("sync", "asynchronous"), PAIRS)
def test_have_the_same_names(sync: type[Any], asynchronous: type[Any]) -> None:
    assert _public(sync).keys() - SYNC_ONLY == _public(asynchronous).keys()


@pytest.mark.parametrize(("sync", "asynchronous"), PAIRS)
def test_have_the_same_parameters(sync: type[Any], asynchronous: type[Any]) -> None:
    own = _public(sync)
    for name, member in _public(asynchronous).items():
        assert _parameters(own[name]) == _parameters(member), name
        assert isinstance(own[name], property) == isinstance(member, property), name


@pytest.mark.parametrize(("sync", "asynchronous"), PAIRS)
def test_are_documented_alike(sync: type[Any], asynchronous: type[Any]) -> None:
    for kind in (sync, asynchronous):
        for name, member in _public(kind).items():
            if not name.startswith("__"):
                assert inspect.getdoc(member), f"{kind.__name__}.{name}"
