"""Check the numbers of a query before anything is read."""

import math
from typing import Final

from vectord.errors import RequestInvalid
from vectord.index.kernels.distance import invalid_vector_reason
from vectord.index.query.query import LEAST_RECALL, MAX_CANDIDATES, MAX_K, MAX_QUERY_TEXT, Fusion, Query, TextSearch
from vectord.lhv1.params import MAX_EF_SEARCH, Params

_LEAST_WEIGHT: Final = 1e-6
_MAX_WEIGHT: Final = 1e6
_MAX_RANK_CONSTANT: Final = 1e6
_MAX_SHOWN: Final = 60  # characters of a path that an error message repeats


def check(query: Query) -> None:
    """Raise RequestInvalid if a number in the query is out of range."""
    if not 1 <= query.k <= MAX_K:
        raise RequestInvalid(f"k must be 1 to {MAX_K:,}, not {query.k:,}")
    if query.ef_search > MAX_EF_SEARCH:
        raise RequestInvalid(f"ef_search must be at most {MAX_EF_SEARCH:,}, not {query.ef_search:,}")
    if not LEAST_RECALL <= query.recall <= 1:
        raise RequestInvalid(f"recall must be {LEAST_RECALL} to 1, not {query.recall}")
    if query.max_distance is not None and not query.max_distance >= 0:
        raise RequestInvalid(f"max_distance must be at least 0, not {query.max_distance}")
    if query.text is not None:
        _check_text(query, query.text)
    elif query.explain:
        raise RequestInvalid("explain needs 'text': without words, the distance is the whole explanation")


def _check_text(query: Query, text: TextSearch) -> None:
    """Raise RequestInvalid if a number in a search by words is out of range, or if it has several vectors."""
    if len(query.vectors) > 1:
        raise RequestInvalid("a search with 'text' has one query vector or none, not several 'vectors'")
    if len(text.query) > MAX_QUERY_TEXT:
        raise RequestInvalid(f"text.query must have at most {MAX_QUERY_TEXT:,} characters, not {len(text.query):,}")
    if not 0 <= text.min_relevance < math.inf:
        raise RequestInvalid(f"min_relevance must be at least 0, and finite, not {text.min_relevance}")
    for path, weight in text.fields.items():
        _check_weight(f"text.fields: the weight of {path[:_MAX_SHOWN]!r}", weight)
    if query.vectors or query.like is not None:
        _check_fusion(query, query.fusion)
    elif query.max_distance is not None:
        raise RequestInvalid("max_distance needs a vector or an id: a search by words alone has no distances")


def _check_fusion(query: Query, fusion: Fusion) -> None:
    _check_weight("fusion.weights.vector", fusion.vector_weight)
    _check_weight("fusion.weights.text", fusion.text_weight)
    if not 0 <= fusion.rank_constant <= _MAX_RANK_CONSTANT:
        raise RequestInvalid(f"fusion.rank_constant must be 0 to {_MAX_RANK_CONSTANT:,.0f}, not {fusion.rank_constant}")
    if not 1 <= fusion.candidates <= MAX_CANDIDATES:
        raise RequestInvalid(f"fusion.candidates must be 1 to {MAX_CANDIDATES:,}, not {fusion.candidates:,}")
    if query.k > 2 * fusion.candidates:
        raise RequestInvalid(
            f"k must be at most {2 * fusion.candidates:,}, not {query.k:,}: a hybrid search finds rows in two lists of "
            f"fusion.candidates rows each, which are {fusion.candidates:,} here"
        )


def _check_weight(name: str, weight: float) -> None:
    if not _LEAST_WEIGHT <= weight <= _MAX_WEIGHT:
        raise RequestInvalid(f"{name} must be {_LEAST_WEIGHT} to {_MAX_WEIGHT:,.0f}, not {weight}")


def check_vectors(query: Query, params: Params) -> None:
    """Raise RequestInvalid if a query vector does not fit an index with these parameters; of several, name it."""
    for position, vector in enumerate(query.vectors):
        if reason := invalid_vector_reason(vector, params):
            raise RequestInvalid(reason if len(query.vectors) == 1 else f"vectors[{position}]: {reason}")
