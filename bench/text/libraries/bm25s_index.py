"""bm25s: what each term adds to each passage, computed when the index is built, in arrays of float32."""

from collections.abc import Sequence
from pathlib import Path

import bm25s
from Stemmer import Stemmer

from bench.embedded.database import size_of
from bench.text.libraries.library import K1, B, K
from vectord.text.languages import stop_words

_WORDS = r"[^\W_]+"


class Index:
    """The stop words and stems are those of vectord; numba, which makes it faster, is not installed."""

    def __init__(self) -> None:
        self._stemmer, self._stop_words = Stemmer("english"), sorted(stop_words("english"))

    def build(self, passages: Sequence[str], folder: Path) -> int:
        self._index = bm25s.BM25(k1=K1, b=B, method="lucene")
        self._index.index(self._tokens(passages), show_progress=False)
        self._index.save(folder)
        return size_of(folder)

    def open(self, passages: Sequence[str], folder: Path) -> None:
        self._index = bm25s.BM25.load(folder)

    def search(self, query: str) -> Sequence[int]:
        found, _ = self._index.retrieve(self._tokens([query]), k=K, show_progress=False)
        rows: list[int] = found[0].tolist()
        return rows

    def _tokens(self, texts: Sequence[str]) -> bm25s.tokenization.Tokenized:
        return bm25s.tokenize(
            list(texts),
            token_pattern=_WORDS,
            stopwords=self._stop_words,
            stemmer=self._stemmer,
            show_progress=False,
        )


def make() -> Index:
    return Index()
