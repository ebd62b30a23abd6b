"""Counts: of vectors, and of the values that their metadata have."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from vectord_client.text_values import Words
from vectord_client.values import Facets
from vectord_client.wire import answers, encode
from vectord_client.wire.call import Call
from vectord_client.wire.encode import Filter
from vectord_client.wire.request import Request

_JSON: Final = {"content-type": "application/json"}

_facets = answers.reader(Facets)


def count(name: str, filter: Filter | None = None, words: Words | None = None, **members: Any) -> Call[int]:
    """POST /indexes/{name}/vectors/count. Other members are sent by their names."""
    sent = {"filter": filter, "text": words, **members}
    return Call(_request(encode.index_path(name, "/vectors/count"), sent), answers.count)


def facets(name: str, paths: str | Sequence[str], words: Words | None = None, **members: Any) -> Call[Facets]:
    """POST /indexes/{name}/vectors/facets. Other members are sent by their names."""
    sent = {"paths": [paths] if isinstance(paths, str) else list(paths), "text": words, **members}
    return Call(_request(encode.index_path(name, "/vectors/facets"), sent), _facets)


def _request(path: str, members: Mapping[str, Any]) -> Request:
    """Return a read that is a POST, with a body of the members that are not None."""
    return Request("POST", path, headers=_JSON, body=encode.body(members))
