"""LanceDB: a table of passages in a folder, with an index for full-text search."""

import os
from collections.abc import Sequence
from pathlib import Path

import lancedb
import pyarrow as pa
from lancedb.index import FTS

from bench.embedded.database import size_of
from bench.text.libraries.library import K
from vectord.text.languages import stop_words

os.environ.setdefault("LANCE_LOG", "error")


class Table:
    """The bytes are those of the index: a table of LanceDB also has the texts themselves."""

    def build(self, passages: Sequence[str], folder: Path) -> int:
        data = pa.table({"row": pa.array(range(len(passages)), pa.int64()), "body": pa.array(passages, pa.string())})
        self._table = lancedb.connect(folder).create_table("texts", data)
        self._table.create_index(
            "body",
            config=FTS(with_position=False, ascii_folding=False, custom_stop_words=sorted(stop_words("english"))),
        )
        return sum(size_of(each) for each in folder.rglob("_indices"))

    def open(self, passages: Sequence[str], folder: Path) -> None:
        self._table = lancedb.connect(folder).open_table("texts")

    def search(self, query: str) -> Sequence[int]:
        found = self._table.search(query, query_type="fts").select(["row", "_score"]).limit(K).to_arrow()
        rows: list[int] = found["row"].to_pylist()
        return rows


def make() -> Table:
    return Table()
