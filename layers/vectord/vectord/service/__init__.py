"""The use cases: what callers do with indexes, whatever brings their requests here."""

from vectord.formats import Entry, NewVector
from vectord.index import DEFAULT_RECALL, Match
from vectord.service.rebuilds import Rebuilds
from vectord.service.results import Added, Deleted, Described, Searched, Stored
from vectord.service.service import Service
from vectord.service.world import Patience, World

__all__ = [
    "DEFAULT_RECALL",
    "Added",
    "Deleted",
    "Described",
    "Entry",
    "Match",
    "NewVector",
    "Patience",
    "Rebuilds",
    "Searched",
    "Service",
    "Stored",
    "World",
]
