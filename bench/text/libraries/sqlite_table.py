"""SQLite FTS5: a table without content, with Porter's stems. It has no stop words."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from bench.embedded.database import size_of
from bench.text.libraries.library import K

_FILE = "texts.sqlite"


class Table:
    """FTS5 has k1 1.2 and b 0.75, and no term has a weight below 1e-6."""

    def build(self, passages: Sequence[str], folder: Path) -> int:
        with sqlite3.connect(folder / _FILE) as database:
            database.execute("create virtual table texts using fts5(body, content='', tokenize='porter unicode61')")
            database.executemany("insert into texts(rowid, body) values (?, ?)", enumerate(passages))
            database.execute("insert into texts(texts) values ('optimize')")
        database.execute("vacuum")
        database.close()
        return size_of(folder)

    def open(self, passages: Sequence[str], folder: Path) -> None:
        self._database = sqlite3.connect(folder / _FILE)
        self._database.execute("pragma cache_size = -262144")  # 256 MB: all of the table stays in memory

    def search(self, query: str) -> Sequence[int]:
        words = " OR ".join(f'"{word}"' for word in query.split())
        found = self._database.execute(
            "select rowid from texts where texts match ? order by rank limit ?", (words, K)
        ).fetchall()
        return [row for (row,) in found]


def make() -> Table:
    return Table()
