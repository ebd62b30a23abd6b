"""Operations of more than one request."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from msgspec import structs

from vectord_client.errors import (
    AnswerTooLarge,
    ArgumentInvalid,
    IndexExists,
    IndexNotFound,
    VectordError,
    VectorNotFound,
)
from vectord_client.hits import Hits
from vectord_client.rows import batches
from vectord_client.rows.block import Block, InvalidRows, has_sparse, joined
from vectord_client.rows.fields import make_names
from vectord_client.rows.forms import add_blocks
from vectord_client.rows.frames import is_frame
from vectord_client.rows.id_lists import checked_id, checked_ids
from vectord_client.rows.sparse import with_sparse
from vectord_client.sparse_values import sparse_fields
from vectord_client.text_values import text_fields
from vectord_client.values import Added, Deleted, IndexInfo, Restored, Row
from vectord_client.wire import encode, operations
from vectord_client.wire.answers import next_cursor
from vectord_client.wire.call import Call, Plan, SideBySide

T = TypeVar("T")
_MOST_QUERIES: Final = 100
_MOST_IDS: Final = 1000
_WRITES: Final = 1  # in flight, of one add: commits of one index conflict, and a lost one is made again


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
    recorded = {name: getattr(found.parameters, name) for name in parameters}
    if recorded.get("text"):  # `searchable` is a state of the field, not a parameter
        recorded["text"] = text_fields(recorded["text"])
    if recorded.get("sparse"):
        recorded["sparse"] = sparse_fields(recorded["sparse"])
    return [
        f"{name} is {recorded[name]!r}, not {value!r}"
        for name, value in parameters.items()
        if value is not None and recorded[name] != value
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


def search_many(name: str, vectors: Sequence[str], most: int, **options: Any) -> Plan[list[Hits]]:
    """Search for any number of vectors (base64), up to 100 in a request, fewer where the answer would be too large."""
    found: list[Hits] = []
    size = _MOST_QUERIES
    while len(found) < len(vectors):
        parts = _parts(vectors[len(found) :], size)
        outcomes = yield SideBySide((operations.search_many(name, part, **options) for part in parts), most)
        for outcome in outcomes:
            if isinstance(outcome, AnswerTooLarge) and size > 1:
                size //= 2
                break
            if isinstance(outcome, VectordError):
                raise outcome
            found += outcome
    return found


def add(name: str, blocks: Sequence[Block], if_match: str | None, *, in_process: bool = False) -> Plan[Added]:
    """Add rows in one request, or in as many as they need, one after the other.

    With `in_process` the transport accepts any number of rows as they are, unless they have sparse vectors.

    Raises:
        ArgumentInvalid: There are no rows, or `if_match` is given and they need several requests.
    """
    if in_process and any(map(len, blocks)) and not has_sparse(blocks):
        added: Added = yield operations.add_rows(name, joined(blocks), if_match)
        return added
    cut = list(batches.cut(blocks))
    if bad := [row for batch in cut for row in batch.bad]:
        raise InvalidRows(bad)
    rows = [batch.rows for batch in cut if batch.rows is not None]
    if len(rows) == 1:
        whole: Added = yield operations.add(name, batches.body(rows[0]), if_match)
        return whole
    if not rows or if_match is not None:
        raise ArgumentInvalid(
            "There are no rows to add."
            if not rows
            else f"The rows need {len(rows)} requests, and if_match can hold for one: add fewer rows at a time."
        )
    outcomes = yield SideBySide((operations.add(name, batches.body(part)) for part in rows), _WRITES)
    return _sum(rows, outcomes)


def blocks_of(
    rows: Any, ids: Any, vectors: Any, metadata: Any, names: tuple[str, str], *, sparse: Any = None
) -> list[Block]:
    """Return the rows of an add; `names` are the fields of id and vector, `metadata` perhaps those of the metadata.

    `sparse` has the sparse vectors of the rows, None if they have none.

    Raises:
        ArgumentInvalid: The input is not rows, or some rows are not valid.
    """
    fields = make_names(*names, metadata if is_frame(rows) else None)
    try:
        blocks = add_blocks(rows, ids=ids, vectors=vectors, metadata=metadata, names=fields)
        return blocks if sparse is None else with_sparse(blocks, sparse)
    except (TypeError, ValueError) as error:
        if isinstance(error, VectordError):
            raise
        raise ArgumentInvalid(f"{error}") from error


def _sum(rows: Sequence[Block], outcomes: Sequence[Any]) -> Added:
    """Return the sum of the answers to the parts of an add, with the state that the last of them made.

    Raises:
        VectordError: A part failed; the error says how many rows of the others were added.
    """
    done = [outcome for outcome in outcomes if isinstance(outcome, Added)]
    for outcome in outcomes:
        if isinstance(outcome, VectordError):
            sent = sum(len(part) for part, found in zip(rows, outcomes, strict=False) if isinstance(found, Added))
            outcome.detail += (
                f" This is the answer to one of {len(rows)} requests; {sent:,} rows of the others were added. "
                "Add all rows again: it is safe to add a row twice."
            )
            raise outcome
    last = done[-1]
    return Added(sum(one.added for one in done), sum(one.replaced for one in done), last.count, last.etag)


def get(name: str, ids: Iterable[str], **options: Any) -> Plan[list[Row]]:
    """Get the vectors of any number of ids, in their order; ids that do not exist are left out."""
    rows: list[Row] = []
    for part in _parts(checked_ids(ids), _MOST_IDS):
        after: str | None = None
        while True:
            page = yield operations.get(name, part, after=after, **options)
            rows += page.items
            after = next_cursor(page, after)
            if after is None:
                break
    return rows


def one(name: str, vector_id: str, **options: Any) -> Plan[Row]:
    """Get one vector, with any id.

    Raises:
        VectorNotFound: The index does not have it.
    """
    found = yield from get(name, [checked_id(vector_id)], **options)
    if not found:
        raise _missing(name, vector_id)
    return found[0]


def has(name: str, vector_id: str) -> Plan[bool]:
    """Return True if the index has a vector with this id."""
    found = yield from get(name, [checked_id(vector_id)], include=())
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
        VectorNotFound: The index does not have it.
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
