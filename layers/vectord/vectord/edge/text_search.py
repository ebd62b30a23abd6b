"""Convert the fields of a search by words, by a sparse vector, and of a hybrid one, to what the engine searches for."""

from collections.abc import Mapping

import msgspec

from vectord.edge.schemas.bodies import CountBody, FacetsBody
from vectord.edge.schemas.search_bodies import FusionBody, SearchBody, SparseBody, TextBody
from vectord.errors import RequestInvalid
from vectord.index.query.query import Fusion, SparseSearch, TextSearch
from vectord.index.query.text_limits import LEAST_PRODUCT
from vectord.lhv1.text_fields import MAX_FIELDS
from vectord.readers.repeated import repeated_anywhere
from vectord.service.values.selection import TextSelection


def check_combination(body: SearchBody) -> None:
    """Raise RequestInvalid if a search has not one query, or fields that exclude each other."""
    terms = [name for name, each in (("text", body.text), ("sparse", body.sparse)) if each is not None]
    vectors = [name for name in ("vector", "vectors", "id") if getattr(body, name) is not None]
    if terms and "vectors" in vectors:
        raise RequestInvalid(f"'{terms[0]}' cannot be combined with 'vectors': send one search for each vector.")
    if len(vectors) > 1 or not (terms or vectors):
        raise RequestInvalid(
            "A search must have exactly one of 'vector', 'vectors', 'id', 'text' and 'sparse', or several of 'text', "
            "'sparse' and one of 'vector' and 'id'."
        )
    if not terms and body.min_relevance is not None:
        raise RequestInvalid("'min_relevance' requires 'text' or 'sparse'.")
    if body.fusion is not None:
        _check_lists(body.fusion, [*vectors, *terms])


def _check_lists(fusion: FusionBody, fields: list[str]) -> None:
    """Raise RequestInvalid if a search for these `fields` joins no lists, or not all that have a weight."""
    if len(fields) < 2:
        raise RequestInvalid("'fusion' requires a hybrid search: several of 'text', 'sparse' and 'vector' or 'id'.")
    weights, needed = fusion.weights, {"vector": ("vector", "id"), "text": ("text",), "sparse": ("sparse",)}
    for name, any_of in needed.items():
        if getattr(weights, name) is not msgspec.UNSET and not any(field in fields for field in any_of):
            listed = " or ".join(map(repr, any_of))
            raise RequestInvalid(f"fusion.weights.{name} requires {listed}: the search has no such list.")


def check_repeated(text: bytes) -> None:
    """Raise RequestInvalid if `text`, the JSON of a body, has a field twice in the objects of a search by words."""
    members = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    for name in ("text", "sparse", "fusion"):
        value = bytes(members.get(name, b"null"))
        if repeated := repeated_anywhere(value.decode(), msgspec.json.decode(value)):
            raise RequestInvalid(f"{name} has the field {repeated!r} more than once. Send it once.")


def text_search_of(text: str | TextBody, min_relevance: float | None) -> TextSearch:
    """Return the words of a search or a count.

    Raises:
        RequestInvalid: it names no fields, too many, or one twice.
    """
    least = min_relevance or 0.0
    if isinstance(text, str):
        return TextSearch(text, min_relevance=least)
    return TextSearch(text.query, _weights(text.fields), text.match, text.prefix, least)


def words_of(body: SearchBody) -> TextSearch | None:
    """Return the words of a search, None if it has none.

    Raises:
        RequestInvalid: it names no fields, too many, or one twice.
    """
    return None if body.text is None else text_search_of(body.text, body.min_relevance)


def sparse_of(body: SearchBody) -> SparseSearch | None:
    """Return the sparse vector of a search, None if it has none; `min_relevance` is that of the words if it has some.

    Raises:
        RequestInvalid: the least relevance is negative.
    """
    if body.sparse is None:
        return None
    return _sparse_search_of(body.sparse, body.min_relevance if body.text is None else None)


def _sparse_search_of(sparse: SparseBody, min_relevance: float | None) -> SparseSearch:
    """Return the sparse vector of a search or a count; raise RequestInvalid if the least relevance is negative."""
    if min_relevance is not None and min_relevance < 0:
        raise RequestInvalid(f"min_relevance must be at least 0, and finite, not {min_relevance}")
    least = LEAST_PRODUCT if min_relevance is None else min_relevance
    return SparseSearch(sparse.name, tuple(sparse.indices), tuple(sparse.values), least)


def counted_terms(body: CountBody | FacetsBody, text: bytes) -> TextSelection | None:
    """Return the words, or the sparse vector, of the vectors to be counted; `text` is the JSON of `body`.

    Raises:
        RequestInvalid: it names no fields, too many, or one twice; it has words and a sparse vector, or a least
            relevance without either.
    """
    if body.text is None and body.sparse is None:
        if body.min_relevance is not None:
            raise RequestInvalid("'min_relevance' requires 'text' or 'sparse'.")
        return None
    check_repeated(text)
    if body.sparse is None:
        assert body.text is not None
        return TextSelection(text_search_of(body.text, body.min_relevance))
    if body.text is not None:
        raise RequestInvalid("'text' cannot be combined with 'sparse' in a count. Send two requests.")
    return TextSelection(None, sparse=_sparse_search_of(body.sparse, body.min_relevance))


def fusion_of(body: SearchBody) -> Fusion:
    """Return how a hybrid search joins its lists."""
    fusion = body.fusion
    if fusion is None:
        return Fusion()
    given = (fusion.weights.vector, fusion.weights.text, fusion.weights.sparse)
    return Fusion(fusion.rank_constant, fusion.candidates, *(1.0 if each is msgspec.UNSET else each for each in given))


def _weights(fields: list[str] | dict[str, float] | None) -> Mapping[str, float]:
    """Return the weight of each field; no fields if the search is for all of them."""
    if fields is None:
        return {}
    if not 1 <= len(fields) <= MAX_FIELDS:
        raise RequestInvalid(f"text.fields must have 1 to {MAX_FIELDS} fields, not {len(fields):,}.")
    if isinstance(fields, dict):
        return fields
    if len(set(fields)) < len(fields):
        raise RequestInvalid("text.fields has a field more than once.")
    return dict.fromkeys(fields, 1.0)
