"""tantivy: one segment with frequencies, without positions and stored texts."""

from collections.abc import Sequence
from pathlib import Path

import tantivy

from bench.embedded.database import size_of
from bench.text.libraries.library import K
from vectord.text.languages import stop_words

_HEAP = 256 << 20  # bytes that the writer may use before it writes a segment


class Index:
    """tantivy has k1 1.2 and b 0.75, and cannot be set to others. It rounds the lengths of passages to 256 steps."""

    def build(self, passages: Sequence[str], folder: Path) -> int:
        schema = tantivy.SchemaBuilder()
        schema.add_integer_field("row", fast=True)
        schema.add_text_field("body", tokenizer_name="english", index_option="freq")
        self._index = tantivy.Index(schema.build(), path=str(folder))
        self._index.register_tokenizer("english", _analyzer())
        writer = self._index.writer(_HEAP, 1)
        for row, passage in enumerate(passages):
            writer.add_document(tantivy.Document(row=row, body=passage))
        writer.commit()
        writer.wait_merging_threads()
        return size_of(folder)

    def open(self, passages: Sequence[str], folder: Path) -> None:
        self._index.reload()
        self._searcher = self._index.searcher()

    def search(self, query: str) -> Sequence[int]:
        found = self._searcher.search(self._index.parse_query(query, ["body"]), K, count=False)
        rows: list[int] = self._searcher.fast_field_values("row", [address for _, address in found.hits])
        return rows


def _analyzer() -> tantivy.TextAnalyzer:
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for each in (
        tantivy.Filter.lowercase(),
        tantivy.Filter.custom_stopword(sorted(stop_words("english"))),
        tantivy.Filter.stemmer("english"),
    ):
        builder = builder.filter(each)
    return builder.build()


def make() -> Index:
    return Index()
