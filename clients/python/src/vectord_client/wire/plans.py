"""Operations of more than one request."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from msgspec import structs

from vectord_client.errors import AnswerTooLarge, IndexExists, IndexNotFound, VectorNotFound
from vectord_client.values import Deleted, Hits, IndexInfo, Restored, Row
from vectord_client.vector import pack
from vectord_client.wire import encode, operations
from vectord_client.wire.call import Call, Plan

T = TypeVar("T")
_MOST_QUERIES: Final = 100
_MOST_IDS: Final = 1000


def create(call: Call[Restored], name: str, exist_ok: bool, **parameters: Any) -> Plan[IndexInfo | None]:
    """Create an index; with `exist_ok`, accept an index that exists with the same parameters, and return it.

    Raises:
        IndexExists: It exists, or it differs from what was asked for.
    """
    if not exist_ok:
        yield call
        return None
    try:
        yield structs.replace(call, idempotent=True)
    except IndexExists as error:
        found: IndexInfo = yield operations.describe(name)
        if different := _differences(found, parameters):
            raise IndexExists(
                f"The index {name!r} exists with other parameters: {'; '.join(different)}.",
                status=error.status,
                type=error.type,
                title=error.title,
                request_id=error.request_id,
            ) from error
        return found
    return None


def _differences(found: IndexInfo, parameters: dict[str, Any]) -> list[str]:
    """Return the given parameters that an index does not have; a `None` was not given."""
    return [
        f"{name} is {getattr(found.parameters, name)!r}, not {value!r}"
        for name, value in parameters.items()
        if value is not None and getattr(found.parameters, name) != value
    ]


def delete_index(name: str, missing_ok: bool, if_match: str | None) -> Plan[None]:
    """Delete an index; with `missing_ok`, accept that it does not exist."""
    call = operations.delete_index(name, if_match)
    if not missing_ok:
        yield call
        return
    try:
        yield structs.replace(call, idempotent=True)
    except IndexNotFound:
        return


def search_many(name: str, vectors: Iterable[Any], **options: Any) -> Plan[list[Hits]]:
    """Search for any number of vectors, up to 100 in a request, and fewer where the answer would be too large."""
    found: list[Hits] = []
    packed = [pack(vector) for vector in vectors]
    size = _MOST_QUERIES
    while len(found) < len(packed):
        part = packed[len(found) : len(found) + size]
        try:
            found += yield operations.search_many(name, part, **options)
        except AnswerTooLarge:
            if len(part) == 1:
                raise
            size = len(part) // 2
    return found


def get(name: str, ids: Iterable[str], **options: Any) -> Plan[list[Row]]:
    """Get the vectors of any number of ids, in their order; ids that do not exist are left out."""
    rows: list[Row] = []
    for part in _parts(ids, _MOST_IDS):
        after: str | None = None
        while True:
            page = yield operations.get(name, part, after=after, **options)
            rows += page.items
            after = page.next
            if after is None:
                break
    return rows


def one(name: str, vector_id: str, **options: Any) -> Plan[Row]:
    """Get one vector, with any id.

    Raises:
        VectorNotFound: There is none.
    """
    found = yield from get(name, [vector_id], **options)
    if not found:
        raise _missing(name, vector_id)
    return found[0]


def has(name: str, vector_id: str) -> Plan[bool]:
    """Return True if the index has a vector with this id."""
    found = yield from get(name, [vector_id], include=())
    return bool(found)


def look_up(name: str, vector_id: str, **options: Any) -> Plan[Row]:
    """Look a vector up by its path, or in a body if a path cannot have its id."""
    if encode.is_safe_in_path(vector_id):
        found: Row = yield operations.look_up(name, vector_id, **options)
        return found
    return (yield from one(name, vector_id, include=("metadata", "vector"), **options))


def remove(name: str, vector_id: str, if_match: str | None) -> Plan[Deleted]:
    """Delete one vector by its path, or in a body if a path cannot have its id.

    Raises:
        VectorNotFound: There is none.
    """
    if encode.is_safe_in_path(vector_id):
        deleted: Deleted = yield operations.remove(name, vector_id, if_match)
        return deleted
    deleted = yield operations.delete(name, ids=[vector_id], if_match=if_match)
    if not deleted.deleted:
        raise _missing(name, vector_id)
    return deleted


def _missing(name: str, vector_id: str) -> VectorNotFound:
    return VectorNotFound(
        f"The index {name!r} has no vector with the id {vector_id!r}.",
        status=404,
        type="urn:vectord:problem:vector-not-found",
        title="No such vector",
    )


def _parts(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    remaining = iter(items)
    while part := list(islice(remaining, size)):
        yield part
