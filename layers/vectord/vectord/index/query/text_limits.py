"""The limits of a search by words and of a hybrid one."""

import math
from collections.abc import Mapping
from typing import Final

from vectord.errors import RequestInvalid

MAX_QUERY_TEXT: Final = 10_000  # characters
MAX_WORDS: Final = 1_024  # different words of a text that is searched for; S3 Vectors has as many characters
MAX_CANDIDATES: Final = 1_000  # rows of each list of a hybrid search
LEAST_PRODUCT: Final = -1e300  # below every dot product of sparse vectors, and finite, because JSON has no infinity
MAX_SHARES: Final = 100_000  # of indices, in the explanations of an answer: with more, it would not fit
MAX_SPANS: Final = 1_000  # places of words in the texts of one match

_NUMBERS: Final = {2: "two", 3: "three"}
_LEAST_WEIGHT: Final = 1e-6
_MAX_WEIGHT: Final = 1e6
_MAX_RANK_CONSTANT: Final = 1e6
_MAX_SHOWN: Final = 60  # characters of a path that an error message repeats


def check_words(query: str, weights: Mapping[str, float], min_relevance: float) -> None:
    """Raise RequestInvalid if a text to search for, the weights of its fields, or the least relevance is invalid."""
    if len(query) > MAX_QUERY_TEXT:
        raise RequestInvalid(f"text.query must have at most {MAX_QUERY_TEXT:,} characters, not {len(query):,}")
    if not 0 <= min_relevance < math.inf:
        raise RequestInvalid(f"min_relevance must be at least 0, and finite, not {min_relevance}")
    for path, weight in weights.items():
        _check_weight(f"text.fields: the weight of {path[:_MAX_SHOWN]!r}", weight)


def check_product(min_relevance: float) -> None:
    """Raise RequestInvalid if a dot product cannot be required to be at least `min_relevance`."""
    if min_relevance != LEAST_PRODUCT and not 0 <= min_relevance < math.inf:
        raise RequestInvalid(f"min_relevance must be at least 0, and finite, not {min_relevance}")


def check_shares(rows: int, indices: int) -> None:
    """Raise RequestInvalid if the explanations of `rows` matches may have too many shares of indices."""
    if rows * indices > MAX_SHARES:
        raise RequestInvalid(
            f"explain may have {MAX_SHARES:,} shares of indices, and {rows:,} rows of {indices:,} indices may have "
            "more: search with a smaller k, or in a hybrid search with fewer fusion.candidates"
        )


def check_weights(weights: Mapping[str, float]) -> None:
    """Raise RequestInvalid if the lists of a hybrid search cannot have these weights."""
    for name, weight in weights.items():
        _check_weight(f"fusion.weights.{name}", weight)


def check_fusion(k: int, rank_constant: float, candidates: int, lists: int) -> None:
    """Raise RequestInvalid if a hybrid search for `k` matches cannot join its lists like this."""
    if not 0 <= rank_constant <= _MAX_RANK_CONSTANT:
        raise RequestInvalid(f"fusion.rank_constant must be 0 to {_MAX_RANK_CONSTANT:,.0f}, not {rank_constant}")
    if not 1 <= candidates <= MAX_CANDIDATES:
        raise RequestInvalid(f"fusion.candidates must be 1 to {MAX_CANDIDATES:,}, not {candidates:,}")
    if k > lists * candidates:
        raise RequestInvalid(
            f"k must be at most {lists * candidates:,}, not {k:,}: a hybrid search finds rows in {_NUMBERS[lists]} "
            f"lists of fusion.candidates rows each, which are {candidates:,} here"
        )


def _check_weight(name: str, weight: float) -> None:
    if not _LEAST_WEIGHT <= weight <= _MAX_WEIGHT:
        raise RequestInvalid(f"{name} must be {_LEAST_WEIGHT} to {_MAX_WEIGHT:,.0f}, not {weight}")
