"""All use cases that change nothing, which a function can serve without what writes take."""

from vectord.service.indexes import Indexes
from vectord.service.searches import Searches
from vectord.service.vectors import Vectors


class Reading(Searches, Vectors, Indexes):
    """The reads of one store."""
