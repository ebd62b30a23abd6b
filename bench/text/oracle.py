"""BM25 in float64 by code of its own: dictionaries and Python's numbers, one text at a time.

It shares nothing with vectord but the list of stop words, and the stemmer of Snowball. Its analysis is that of Latin
scripts; the corpus has no others.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from Stemmer import Stemmer

from vectord.text.languages import stop_words

_RUN = re.compile(r"[^\W_]+")
K1, B = 1.2, 0.75

type Scored = list[tuple[int, float]]  # rows and their scores, the best first, ties by row


class Analysis:
    """Texts to terms. Each word is stemmed once."""

    def __init__(self) -> None:
        self._stem, self._stop_words = Stemmer("english").stemWord, stop_words("english")
        self._known: dict[str, str | None] = {}

    def terms(self, text: str) -> list[str]:
        """Return the terms of a text."""
        found = map(self._term, _RUN.findall(unicodedata.normalize("NFKC", text).casefold()))
        return [term for term in found if term is not None]

    def _term(self, word: str) -> str | None:
        if word not in self._known:
            self._known[word] = None if word in self._stop_words else self._stem(word)
        return self._known[word]


class Oracle:
    """The postings of the terms of some queries in all passages."""

    def __init__(self, passages: Iterable[str], queries: Sequence[str]) -> None:
        self._analysis = Analysis()
        self._terms = {query: sorted(set(self._analysis.terms(query))) for query in queries}
        wanted = {term for terms in self._terms.values() for term in terms}
        self._postings: dict[str, dict[int, int]] = {term: {} for term in wanted}
        self._lengths: list[int] = []
        for row, passage in enumerate(passages):
            terms = self._analysis.terms(passage)
            self._lengths.append(len(terms))
            for term, count in Counter(terms).items():
                if term in wanted:
                    self._postings[term][row] = count
        self._average = sum(self._lengths) / len(self._lengths)
        self._best: dict[tuple[str, int], Scored] = {}  # a query is compared several times

    def scores(self, query: str) -> dict[int, float]:
        """Return the score of each row that has a term of the query."""
        scores: dict[int, float] = {}
        for term in self._terms[query]:
            rows = self._postings[term]
            weight = math.log(1 + (len(self._lengths) - len(rows) + 0.5) / (len(rows) + 0.5))
            for row, count in rows.items():
                norm = K1 * (1 - B + B * self._lengths[row] / self._average)
                scores[row] = scores.get(row, 0.0) + weight * count * (K1 + 1) / (count + norm)
        return scores

    def best(self, query: str, k: int) -> Scored:
        """Return the k best rows, and all others whose score is that of the last, within rounding."""
        if (query, k) not in self._best:
            ordered = sorted(self.scores(query).items(), key=lambda pair: (-pair[1], pair[0]))
            last = ordered[:k][-1][1] if ordered else 0.0
            self._best[query, k] = ordered[:k] + [pair for pair in ordered[k:] if pair[1] >= last - 1e-9]
        return self._best[query, k]
