"""Convert the fields of a search by words, by a sparse vector, and of a hybrid one, to what the engine searches for."""

from collections.abc import Mapping

import msgspec

from vectord.edge.schemas.bodies import CountBody, FacetsBody
from vectord.edge.schemas.search_bodies import SearchBody, SparseBody, TextBody
from vectord.errors import RequestInvalid
from vectord.index.query.query import Fusion, SparseSearch, TextSearch
from vectord.index.query.text_limits import LEAST_PRODUCT
from vectord.lhv1.text_fields import MAX_FIELDS
from vectord.readers.repeated import repeated_anywhere
from vectord.service.values.selection import TextSelection


def check_combination(body: SearchBody) -> None:
    """Raise RequestInvalid if a search has not one query, or fields that exclude each other."""
    has_vector, has_vectors = body.vector is not None, body.vectors is not None
    has_id, has_text = body.id is not None, body.text is not None or body.sparse is not None
    if body.text is not None and body.sparse is not None:
        raise RequestInvalid("'text' cannot be combined with 'sparse': a search joins two lists. Send two searches.")
    if has_text and has_vectors:
        name = "sparse" if body.text is None else "text"
        raise RequestInvalid(f"'{name}' cannot be combined with 'vectors': send one search for each vector.")
    if has_vector + has_vectors + has_id > 1 or not (has_text or has_vector or has_vectors or has_id):
        raise RequestInvalid(
            "A search must have exactly one of 'vector', 'vectors', 'id', 'text' and 'sparse', or 'text' or 'sparse' "
            "with 'vector' or 'id'."
        )
    if not has_text and body.min_relevance is not None:
        raise RequestInvalid("'min_relevance' requires 'text' or 'sparse'.")
    if body.fusion is not None and not (has_text and (has_vector or has_id)):
        raise RequestInvalid("'fusion' requires a hybrid search: 'text' or 'sparse' with 'vector' or 'id'.")


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


def terms_search_of(body: SearchBody) -> TextSearch:
    """Return the words or the sparse vector of a search, which has one of them.

    Raises:
        RequestInvalid: it names no fields, too many, or one twice; or the least relevance is negative.
    """
    if body.sparse is not None:
        return _sparse_search_of(body.sparse, body.min_relevance)
    assert body.text is not None
    return text_search_of(body.text, body.min_relevance)


def _sparse_search_of(sparse: SparseBody, min_relevance: float | None) -> TextSearch:
    """Return the sparse vector of a search or a count; raise RequestInvalid if the least relevance is negative."""
    least = min_relevance or 0.0
    if least < 0:
        raise RequestInvalid(f"min_relevance must be at least 0, and finite, not {least}")
    vector = SparseSearch(sparse.name, tuple(sparse.indices), tuple(sparse.values))
    return TextSearch("", min_relevance=least or LEAST_PRODUCT, sparse=vector)


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
    return TextSelection(_sparse_search_of(body.sparse, body.min_relevance))


def fusion_of(body: SearchBody) -> Fusion:
    """Return how a hybrid search joins its two lists."""
    fusion = body.fusion
    if fusion is None:
        return Fusion()
    weight = fusion.weights.text if body.sparse is None else fusion.weights.sparse
    return Fusion(fusion.rank_constant, fusion.candidates, fusion.weights.vector, weight)


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
