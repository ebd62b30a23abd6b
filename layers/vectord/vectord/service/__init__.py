"""The use cases: what callers do with indexes, whatever brings their requests here."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from vectord.formats import Entry, NewVector
from vectord.index import DEFAULT_RECALL, Match
from vectord.service.results import NOTHING, Added, Deleted, Described, Kept, Paged, Searched, Stored
from vectord.service.world import Patience, World

if TYPE_CHECKING:
    from vectord.service.reading import Reading
    from vectord.service.rebuilds import Rebuilds
    from vectord.service.service import Service
else:
    # Imported where they are used first: what writes takes time that a function which only reads does not have.
    _LATE: Final = {"Reading": "reading", "Rebuilds": "rebuilds", "Service": "service"}

    def __getattr__(name: str) -> object:
        if name not in _LATE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)


__all__ = [
    "DEFAULT_RECALL",
    "NOTHING",
    "Added",
    "Deleted",
    "Described",
    "Entry",
    "Kept",
    "Match",
    "NewVector",
    "Paged",
    "Patience",
    "Reading",
    "Rebuilds",
    "Searched",
    "Service",
    "Stored",
    "World",
]
