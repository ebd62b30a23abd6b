"""Indexes whose rows have texts, beside what they contain, and their relevances by a formula of our own."""

import math
from collections.abc import Iterable, Mapping, Sequence
from random import Random

import numpy as np

from tests.support import vectors as v
from tests.support.sections import PACKED, PackedIndex
from tests.support.vectors import F32
from vectord.index import mutations
from vectord.index.query.query import Answer
from vectord.index.rows import Item
from vectord.lhv1.text_fields import TextField

FIELDS = {"body": TextField(), "by.title": TextField(None)}
STOP_WORDS = {"the", "of"}
# Words that are their own stems, and stop words.
WORDS = ["fox", "dog", "cat", "map", "sun", "ink", "jam", "pen", "fog", "the", "of"]
DIMENSION = 4

type Row = tuple[str, str, F32]  # body, title, vector


def drawn_rows(count: int, seed: int, prefix: str = "r") -> dict[str, Row]:
    """Return rows by id; many have the same words, and some have none in a field."""
    random = Random(seed)
    weights = [1 / number for number in range(1, len(WORDS) + 1)]

    def text(most: int) -> str:
        return " ".join(random.choices(WORDS, weights, k=random.randint(0, most)))

    vectors = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    return {f"{prefix}{n:03}": (text(9), text(3), vector) for n, vector in enumerate(vectors)}


def items_of(rows: Mapping[str, Row]) -> list[Item]:
    return [v.item(i, vector, {"body": body, "by": {"title": title}}) for i, (body, title, vector) in rows.items()]


class Worded:
    """A packed index and the rows that it should have."""

    def __init__(self, rows: Mapping[str, Row]) -> None:
        self.rows = dict(rows)
        self.packed = PackedIndex(mutations.upsert(v.empty(DIMENSION, text=FIELDS), items_of(rows))[0], PACKED)

    def add(self, rows: Mapping[str, Row]) -> None:
        self.rows |= rows
        self.packed.add(*items_of(rows))

    def remove(self, *ids: str) -> None:
        self.packed.remove(*ids)
        self.rows = {i: row for i, row in self.rows.items() if i not in ids}

    def rebuild(self) -> None:
        self.packed.commit(self.packed.index, rebuild=True)

    def relevances(
        self, words: Iterable[str], weights: Mapping[str, float] | None = None, counted: Mapping[str, Row] | None = None
    ) -> dict[str, float]:
        """Return the relevance of each row that has one of `words`; the statistics are those of the rows `counted`."""
        counted = self.rows if counted is None else counted
        found = dict[str, float]()
        for path, weight in sorted((weights or dict.fromkeys(FIELDS, 1.0)).items()):
            texts = {i: tokens(row, path) for i, row in counted.items()}
            average = sum(map(len, texts.values())) / len(texts)
            for word in sorted(set(words)):
                frequency = sum(word in text for text in texts.values())
                idf = math.log(1 + (len(texts) - frequency + 0.5) / (frequency + 0.5))
                for i, row in self.rows.items():
                    text = tokens(row, path)
                    if tf := text.count(word):
                        share = idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * len(text) / average))
                        found[i] = found.get(i, 0.0) + weight * share
        return found


def tokens(row: Row, path: str) -> list[str]:
    """Return the words of a field that are indexed."""
    return [w for w in row[0].split() if w not in STOP_WORDS] if path == "body" else row[1].split()


def ranked(scores: Mapping[str, float]) -> list[str]:
    """Return ids by descending score, as far as 9 digits tell, and then by id."""
    return sorted(scores, key=lambda i: (-round(scores[i], 9), i))


def relevances(answer: Answer) -> list[tuple[str, float | None]]:
    return [(match.id, match.relevance) for match in answer.matches]


def ids(answers: Sequence[Answer]) -> list[str]:
    return [match.id for answer in answers for match in answer.matches]
