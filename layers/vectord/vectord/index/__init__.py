"""The vector index as a value: open a blob, search it, change its rows, encode it again."""

from vectord.index.changes import remove, upsert
from vectord.index.encoding import Encoded, encode, is_due, is_kept
from vectord.index.index import Index, create, with_rows, with_upload
from vectord.index.matching import Matching, matching, rows_of
from vectord.index.opening import open_blob, open_head
from vectord.index.planner import DEFAULT_RECALL
from vectord.index.rebuild import Rebuilt, carried, rebuild
from vectord.index.rows import Item, Rows
from vectord.index.search import Answer, Match, search
from vectord.index.sizes import Sizes

__all__ = [
    "DEFAULT_RECALL",
    "Answer",
    "Encoded",
    "Index",
    "Item",
    "Match",
    "Matching",
    "Rebuilt",
    "Rows",
    "Sizes",
    "carried",
    "create",
    "encode",
    "is_due",
    "is_kept",
    "matching",
    "open_blob",
    "open_head",
    "rebuild",
    "remove",
    "rows_of",
    "search",
    "upsert",
    "with_rows",
    "with_upload",
]
