"""The vector index as a value: open a blob, search it, change its rows, encode it again."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from vectord.index.index import Index, create, with_rows, with_upload
from vectord.index.matching import Matching, matching, rows_of
from vectord.index.opening import open_blob, open_head
from vectord.index.planner import DEFAULT_RECALL
from vectord.index.rows import Item, Rows
from vectord.index.search import Answer, Match, search
from vectord.index.sizes import Sizes

if TYPE_CHECKING:
    from vectord.index.changes import remove, upsert
    from vectord.index.encoding import Encoded, encode, is_due, is_kept
    from vectord.index.rebuilding import Rebuilt, carried, rebuild
else:
    # Imported where they are used first: a cold search does without what writes take.
    _LATE: Final = {
        **dict.fromkeys(("remove", "upsert"), "changes"),
        **dict.fromkeys(("Encoded", "encode", "is_due", "is_kept"), "encoding"),
        **dict.fromkeys(("Rebuilt", "carried", "rebuild"), "rebuilding"),
    }

    def __getattr__(name: str) -> object:
        if name not in _LATE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)


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
