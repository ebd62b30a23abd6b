"""The vector index as a value: open a blob, search it, change its rows, encode it again."""

from vectord.index.index import Index, create, encode, open_blob, with_rows, with_upload
from vectord.index.rows import Item, Rows, remove, upsert
from vectord.index.search import Answer, Match, search

__all__ = [
    "Answer",
    "Index",
    "Item",
    "Match",
    "Rows",
    "create",
    "encode",
    "open_blob",
    "remove",
    "search",
    "upsert",
    "with_rows",
    "with_upload",
]
