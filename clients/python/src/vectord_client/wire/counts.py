"""Counts: of vectors, and of the values that their metadata have."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from vectord_client.sparse_values import SparseVector, sparse_vector
from vectord_client.text_values import Words
from vectord_client.values import Facets
from vectord_client.wire import answers, encode
from vectord_client.wire.call import Call
from vectord_client.wire.encode import AsOf
from vectord_client.wire.request import Request

_JSON: Final = {"content-type": "application/json"}

_facets = answers.reader(Facets)


def count(name: str, **members: Any) -> Call[int]:
    """POST /indexes/{name}/vectors/count, for vectors that `_found` describes."""
    return Call(_request(encode.index_path(name, "/vectors/count"), _found(**members)), answers.count)


def facets(name: str, paths: str | Sequence[str], *, limit: int | None = None, **members: Any) -> Call[Facets]:
    """POST /indexes/{name}/vectors/facets, for vectors that `_found` describes."""
    sent = {"paths": [paths] if isinstance(paths, str) else list(paths), "limit": limit, **_found(**members)}
    return Call(_request(encode.index_path(name, "/vectors/facets"), sent), _facets)


def _found(
    *,
    words: Words | None = None,
    sparse: SparseVector | None = None,
    as_of: AsOf | None = None,
    **members: Any,
) -> dict[str, Any]:
    """Return the members that say which vectors are counted, and in which state. Others are sent by their names."""
    vector = None if sparse is None else sparse_vector(sparse)
    return {"text": words, "sparse": vector, "as_of": encode.as_of(as_of), **members}


def _request(path: str, members: Mapping[str, Any]) -> Request:
    """Return a read that is a POST, with a body of the members that are not None."""
    return Request("POST", path, headers=_JSON, body=encode.body(members))
