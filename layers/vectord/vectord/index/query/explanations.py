"""Why a match of a search by words or by a sparse vector has its score, and where its words are."""

import msgspec


class TermShare(msgspec.Struct, frozen=True, array_like=True):
    """What a term of one field adds to the relevance of a match: `share`, after the weight of the field.

    `count` is how often the match has the term, `length` that of its text, and `rows` the number of rows that have the
    term, from which `idf` follows.
    """

    field: str
    term: str
    count: int
    length: int
    rows: int
    idf: float
    share: float


class IndexShare(msgspec.Struct, frozen=True, array_like=True):
    """What an index of a sparse vector adds to a dot product: `share`, of which the match has the factor `value`."""

    index: int
    value: float
    share: float


class Explanation(msgspec.Struct, frozen=True, array_like=True):
    """Why a match has its score: its ranks from 1 in the lists that were joined, and what terms and indices add."""

    vector_rank: int | None = None
    text_rank: int | None = None
    terms: tuple[TermShare, ...] = ()
    sparse_rank: int | None = None
    indices: tuple[IndexShare, ...] = ()


class Highlight(msgspec.Struct, frozen=True, array_like=True):
    """Where words of a search stand in one text of a match, which is in the field `field`.

    `at` has the keys and the positions in arrays that lead to the text in the metadata. Each span is from its first
    number to before its second one, in code points of the text.
    """

    field: str
    at: tuple[str | int, ...]
    spans: tuple[tuple[int, int], ...]
