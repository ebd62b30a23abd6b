"""Write rows that depend on the state of an index, only to that state."""

from collections.abc import Callable, Iterator, Sequence, Set
from typing import Final

from vectord_client.errors import IndexNotFound, PreconditionFailed
from vectord_client.integrations.access import IndexAccess, Item, add_items
from vectord_client.integrations.steps import Call, Steps
from vectord_client.rows.batches import event_bytes
from vectord_client.rows.metadata import json_text
from vectord_client.values import Added, IndexInfo

Choose = Callable[[Set[str]], Steps[list[Item]]]

_REQUEST_BYTES: Final = 5_000_000  # of a request with some items
_ATTEMPTS: Final = 20  # of a conditional write, while other writers change the index


def add_conditionally(access: IndexAccess, choose: Choose, dimension: int) -> Steps[int]:
    """Add the items that `choose` returns for a state of the index, only to this state; return their number.

    If another writer changes the index in between, `choose` is called again for the new state. It gets the ids that
    were added already: items that need several requests are added in parts, each under the condition that nothing
    changed since the part before. A sharded index has no ETag for that, and is written without a condition.

    Raises:
        PreconditionFailed: other writers changed the index each time.
    """
    added: set[str] = set()
    for attempt in range(1, _ATTEMPTS + 1):
        yield from access.ensure_exists(dimension)
        etag = yield from _etag()
        items = yield from choose(added)
        try:
            for part in _requests(items):
                answer: Added = yield add_items(part, etag)
                added.update(id for id, _, _ in part)
                etag = etag and answer.etag
        except (PreconditionFailed, IndexNotFound):
            access.forget()
            if attempt == _ATTEMPTS:
                raise
        else:
            break
    return len(added)


def _etag() -> Steps[str | None]:
    """Return the ETag for a conditional write; None for a sharded index, which accepts no condition."""
    info: IndexInfo = yield Call(lambda index: index.info())
    return None if info.shards else info.etag


def _requests(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yield items in parts of which each fits into a request."""
    start = size = 0
    for position, item in enumerate(items):
        cost = _bytes(item)
        if position > start and size + cost > _REQUEST_BYTES:
            yield items[start:position]
            start, size = position, 0
        size += cost
    if items:
        yield items[start:]


def _bytes(item: Item) -> int:
    """Return about how many bytes of a request an item needs; base64 has 16 bytes for 3 components."""
    id, vector, metadata = item
    return 100 + 2 * len(id.encode(errors="surrogatepass")) + 16 * len(vector) // 3 + event_bytes(json_text(metadata))
