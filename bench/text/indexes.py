"""Indexes of passages as blobs, which are built and changed without a service."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Final

import msgspec
import numpy as np

from vectord.index import mutations, state
from vectord.index.codec import decode, encode
from vectord.index.codec.encode import PreparedBlob
from vectord.index.kernels.distance import F32
from vectord.index.mutations import with_rows
from vectord.index.query.query import Match, Query, TextSearch
from vectord.index.rows import Rows
from vectord.index.state import Index
from vectord.index.thresholds import Thresholds
from vectord.lhv1.params import new_params
from vectord.lhv1.text_fields import TextField

NAME: Final = "text"
FIELDS: Final = {"body": TextField()}
PACKED: Final = Thresholds(packed=0, part=0)
"""Every index is packed, as a large one is, and a commit writes nothing but its envelope and its rows."""

FEW_DIMENSIONS: Final = 8  # of vectors that are only there because every row has one


@dataclass(frozen=True, slots=True)
class Passages:
    """Passages with the numbers that they have in the corpus, and their vectors."""

    numbers: Sequence[int]
    texts: Sequence[str]
    vectors: F32

    def some(self, places: Sequence[int]) -> "Passages":
        """Return those at some places."""
        return Passages(
            [self.numbers[place] for place in places],
            [self.texts[place] for place in places],
            self.vectors[list(places)],
        )

    @property
    def ids(self) -> list[str]:
        return list(map(id_of, self.numbers))

    @property
    def rows(self) -> Rows:
        ids = self.ids
        return Rows(ids, self.vectors, dict(zip(ids, map(metadata_of, self.texts), strict=True)))


def passages(texts: Sequence[str], vectors: F32 | None = None) -> Passages:
    """Return passages that are numbered from 0; without vectors they get small ones."""
    if vectors is None:
        vectors = np.random.default_rng(len(texts)).standard_normal((len(texts), FEW_DIMENSIONS), np.float32)
    return Passages(range(len(texts)), texts, vectors)


def id_of(number: int) -> str:
    """Return the id of a passage. Ids are in the order of the numbers, so ties are."""
    return f"{number:07}"


def metadata_of(text: str) -> msgspec.Raw:
    return msgspec.Raw(json.dumps({"body": text}, ensure_ascii=False).encode())


def built(some: Passages, *, with_texts: bool = True) -> bytes:
    """Return the blob of a new index of passages."""
    empty = state.empty_index(new_params(NAME, some.vectors.shape[1], text=FIELDS if with_texts else None))
    return encode.encode(with_rows(empty, some.rows), NAME, "0" * 32, thresholds=PACKED).blob


def added(blob: bytes, more: Passages, batch: int) -> bytes:
    """Return the blob after adds of `batch` passages each."""
    for number, places in enumerate(batched(range(len(more.numbers)), batch), 1):
        index = mutations.upsert_rows(decode.open_blob(blob), more.some(places).rows)[0]
        blob = _committed(blob, index, f"{number:032}")
    return blob


def removed(blob: bytes, ids: Sequence[str]) -> bytes:
    """Return the blob after passages were removed."""
    return _committed(blob, mutations.remove(decode.open_blob(blob), ids)[0], "f" * 32)


def prepared(index: Index, more: Passages) -> PreparedBlob:
    """Return what a commit writes that adds passages."""
    return encode.encode(mutations.upsert_rows(index, more.rows)[0], NAME, "1" * 32, thresholds=PACKED)


def _committed(before: bytes, index: Index, commit: str) -> bytes:
    found = encode.encode(index, NAME, commit, thresholds=PACKED)
    return found.front if found.copied is None else found.front + before[slice(*found.copied)]


def found_by_words(index: Index, query: str, k: int) -> list[Match]:
    """Return the matches of a search by words in an index that is in memory."""
    from vectord.index.query.text import search  # noqa: PLC0415  a process that measures another library has no use

    asked = Query(k, text=TextSearch(query), include_vectors=False, include_metadata=False)
    return search.search(index, asked).matches
