"""Documents and a filter for the tests of the Haystack store."""

from haystack import Document

FILMS = [
    Document(id="alien", content="Alien", meta={"year": 1979, "genre": ["horror", "scifi"]}, embedding=[1.0, 0.0]),
    Document(id="heat", content="Heat", meta={"year": 1995}, embedding=[0.6, 0.8]),
    Document(id="stalker", content="Stalker", meta={"year": 1979}, embedding=[-1.0, 0.0]),
    Document(id="solaris", content="Solaris", meta={"year": 1972}),  # without an embedding
]
OLD = {"field": "meta.year", "operator": "<", "value": 1990}
