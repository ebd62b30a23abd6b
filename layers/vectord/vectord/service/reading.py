"""All use cases that change nothing, which a function can serve without what writes take."""

from vectord.service.catalog import Indexes
from vectord.service.search import Searches
from vectord.service.vectors import Vectors


class Reading(Searches, Vectors, Indexes):
    """The reads of one store."""
