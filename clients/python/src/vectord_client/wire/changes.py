"""Queued changes: writes with `Prefer: respond-async`, and the state of a change."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import structs

from vectord_client.change_values import ChangeState
from vectord_client.errors import ArgumentInvalid
from vectord_client.rows import batches
from vectord_client.rows.block import Block, InvalidRows
from vectord_client.values import Added, Deleted, Patched
from vectord_client.wire import encode, operations
from vectord_client.wire.answers import decoded
from vectord_client.wire.call import Call
from vectord_client.wire.failures import error_of
from vectord_client.wire.request import Request, Response

_ACCEPTED: Final = 202
_FIRST_POLL: Final = 0.2  # seconds
_LONGEST_POLL: Final = 5.0
_RESULTS: Final[dict[str, type[Added | Patched | Deleted]]] = {
    "added": Added,
    "patched": Patched,
    "deleted": Deleted,
}


class _Change(msgspec.Struct, frozen=True):
    token: str
    state: str
    result: dict[str, Any] | None = None
    etag: str = ""
    problem: msgspec.Raw = msgspec.Raw()  # empty without one


class _Status(msgspec.Struct, frozen=True):
    status: int = 500


_decoder: Final = msgspec.json.Decoder(_Change)
_status: Final = msgspec.json.Decoder(_Status)


def queued(call: Call[Any]) -> Call[ChangeState]:
    """Return a write that prefers to be queued; a server without a queue applies it at once."""
    headers = {**call.request.headers, "prefer": "respond-async"}

    def read(response: Response) -> ChangeState:
        if response.status == _ACCEPTED:
            return _state(response)
        return ChangeState(None, "applied", call.read(response))

    return Call(structs.replace(call.request, headers=headers), read, idempotent=call.idempotent, writes=call.writes)


def state(name: str, token: str) -> Call[ChangeState]:
    """GET /indexes/{name}/changes/{token}."""
    return Call(Request("GET", encode.index_path(name, f"/changes/{quote(token, safe='')}")), _state)


def _state(response: Response) -> ChangeState:
    found = decoded(_decoder, response)
    if found.problem:
        status = _status.decode(found.problem).status
        problem = error_of(Response(status, response.headers, bytes(found.problem)), now=0.0)
        return ChangeState(found.token, found.state, problem=problem)
    for name, kind in _RESULTS.items():
        if found.result is not None and name in found.result:
            return ChangeState(found.token, found.state, msgspec.convert({**found.result, "etag": found.etag}, kind))
    return ChangeState(found.token, found.state)


def add(name: str, blocks: Sequence[Block], if_match: str | None) -> Call[ChangeState]:
    """Return a queued add of rows, which must fit into one request.

    Raises:
        ArgumentInvalid: There are no rows, or they need several requests.
        InvalidRows: Some rows are not valid.
    """
    cut = list(batches.cut(blocks))
    if bad := [row for batch in cut for row in batch.bad]:
        raise InvalidRows(bad)
    rows = [batch.rows for batch in cut if batch.rows is not None]
    if len(rows) != 1:
        raise ArgumentInvalid(
            f"The rows need {len(rows)} requests, and a queued change is one: add fewer rows at a time, or load them."
            if rows
            else "There are no rows to add."
        )
    return queued(operations.add(name, batches.body(rows[0]), if_match))


def remove(name: str, vector_id: str, if_match: str | None) -> Call[ChangeState]:
    """Return a queued deletion of one vector, which must exist if a path can have its id."""
    if encode.is_safe_in_path(vector_id):
        return queued(operations.remove(name, vector_id, if_match))
    return queued(operations.delete(name, ids=[vector_id], if_match=if_match))


def polls(timeout: float, clock: Callable[[], float]) -> Iterator[float]:
    """Yield the seconds to wait before each further look at a change, until the timeout is over."""
    end, wait = clock() + timeout, _FIRST_POLL
    while (left := end - clock()) > 0:
        yield min(wait, left)
        wait = min(wait * 1.5, _LONGEST_POLL)
