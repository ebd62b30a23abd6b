"""An adapter's access to one index: its clients, and the steps that all adapters have in common.

The index is created by the first write, with the dimension of its vectors. An index that does not exist is read as an
empty one.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from typing import Any, Final, Literal, TypeVar

from vectord_client.embedding.protocol import Embedder
from vectord_client.errors import IndexNotFound, PreconditionFailed, UsageError
from vectord_client.integrations.clients import Clients
from vectord_client.integrations.steps import Call, Step, Steps, arun, run
from vectord_client.rows.batches import event_bytes
from vectord_client.rows.id_lists import checked_ids
from vectord_client.rows.metadata import json_text
from vectord_client.texts import Model
from vectord_client.values import Added, Hit, Hits, IndexInfo, Parameters

T = TypeVar("T")
Distance = Literal["cosine", "euclidean"]
Item = tuple[str, Sequence[float], dict[str, Any]]  # id, vector and metadata of a row
Choose = Callable[[Set[str]], Steps[list[Item]]]

_REQUEST_BYTES: Final = 5_000_000  # of a request with some items
_REQUEST_IDS: Final = 3_000  # of a deletion: even ids of 1,024 bytes fit into a request
_ATTEMPTS: Final = 20  # of a conditional write, while other writers change the index


class DimensionMismatch(UsageError, ValueError):
    """An embedding has another dimension than the index."""


class DistanceMismatch(UsageError, ValueError):
    """The index has another distance than the adapter was created with."""


class IndexAccess:
    """One index by its name, for sync and async calls."""

    def __init__(
        self,
        name: str,
        clients: Clients,
        *,
        distance: Distance | None = None,
        dimension: int | None = None,
        embedder: Embedder | None = None,
    ) -> None:
        self._embedder = embedder
        self._name, self._distance, self._dimension = name, distance, dimension
        self.clients = clients
        self._parameters: Parameters | None = None

    def run(self, steps: Steps[T]) -> T:
        """Run an operation on the sync client."""
        return run(steps, self.clients.sync.index(self._name))

    async def arun(self, steps: Steps[T]) -> T:
        """Run an operation on the async client of the running event loop."""
        return await arun(steps, self.clients.of_loop.index(self._name))

    @property
    def distance(self) -> str:
        """The distance of the index as far as it is known: a search finds it out."""
        return self._parameters.distance if self._parameters else self._distance or "cosine"

    def forget(self) -> None:
        """Forget the parameters, because the index was deleted."""
        self._parameters = None

    def parameters(self) -> Steps[Parameters | None]:
        """Return the parameters of the index; None if it does not exist.

        Raises:
            DistanceMismatch: the adapter was created with another distance.
            EmbedderMismatch: the index records another model than the adapter's embedder.
        """
        if self._parameters is None:
            info: IndexInfo | None = yield from self.read(Call(lambda index: index.info()), missing=None)
            if info is not None:
                self._check_distance(info.distance)
                self._check_model(info)
                self._parameters = info.parameters
        return self._parameters

    def read(self, step: Step, missing: Any) -> Steps[Any]:
        """Make a request to the index, or return `missing` if the index does not exist."""
        try:
            return (yield step)
        except IndexNotFound:
            self.forget()
            return missing

    def search(self, vector: Sequence[float], k: int, **parameters: Any) -> Steps[list[Hit]]:
        """Return the `k` nearest rows, or fewer if the index has fewer.

        Raises:
            DimensionMismatch: the index has another dimension than the vector.
        """
        found = yield from self._parameters_for(len(vector))
        if found is None or k <= 0:
            return []
        hits: list[Hit] = []
        after: str | None = None
        while True:  # a page ends early where the answer is full
            page: Hits | None = yield from self.read(_page(vector, k - len(hits), after, parameters), missing=None)
            if page is None:
                return hits
            hits += page
            after = page.next
            if after is None or len(hits) >= k:
                return hits

    def add(self, items: Sequence[Item]) -> Steps[None]:
        """Add or replace items, in as many requests as they need; create the index if it does not exist.

        Raises:
            DimensionMismatch: the index has another dimension.
        """
        if not items:
            return
        dimension = len(items[0][1])
        yield from self._exists(dimension)
        try:
            yield _add(items, None)
        except IndexNotFound:  # it was deleted after it was described
            self.forget()
            yield from self._exists(dimension)
            yield _add(items, None)

    def add_conditionally(self, choose: Choose, dimension: int) -> Steps[int]:
        """Add the items that `choose` returns for a state of the index, only to this state; return their number.

        If another writer changes the index in between, `choose` is called again for the new state. It gets the ids that
        were added already: items that need several requests are added in parts, each under the condition that nothing
        changed since the part before. A sharded index has no ETag for that, and is written without a condition.

        Raises:
            PreconditionFailed: other writers changed the index each time.
        """
        added: set[str] = set()
        for attempt in range(1, _ATTEMPTS + 1):
            yield from self._exists(dimension)
            etag = yield from self._etag()
            items = yield from choose(added)
            try:
                for part in _requests(items):
                    answer: Added = yield _add(part, etag)
                    added.update(id for id, _, _ in part)
                    etag = etag and answer.etag
            except (PreconditionFailed, IndexNotFound):
                self.forget()
                if attempt == _ATTEMPTS:
                    raise
            else:
                break
        return len(added)

    def delete_ids(self, ids: Iterable[str], name: str = "ids") -> Steps[None]:
        """Delete rows by ids; ids that do not exist are ignored. Messages call the ids `name`.

        Raises:
            ArgumentInvalid: the ids are one text, or one of them is not text.
        """
        listed = checked_ids(ids, name)
        for start in range(0, len(listed), _REQUEST_IDS):
            yield from self.read(_delete(listed[start : start + _REQUEST_IDS]), missing=None)

    def _etag(self) -> Steps[str | None]:
        """Return the ETag for a conditional write; None for a sharded index, which accepts no condition."""
        info: IndexInfo = yield Call(lambda index: index.info())
        return None if info.shards else info.etag

    def _exists(self, dimension: int) -> Steps[None]:
        """Create the index if it does not exist."""
        found = yield from self._parameters_for(dimension)
        if found is None:
            if self._dimension not in (None, dimension):
                raise DimensionMismatch(
                    f"The embedding has {dimension:,} dimensions, and the index {self._name!r} is to be created with "
                    f"{self._dimension:,}. Change embedding_dimension, or leave it out."
                )
            distance = self._distance or "cosine"
            model: Model = self._embedder or False  # the vectors are not those of the client's own embedder
            yield Call(
                lambda index: index.create(dimension=dimension, distance=distance, embedding=model, exist_ok=True)
            )
            yield from self._parameters_for(dimension)

    def _parameters_for(self, dimension: int) -> Steps[Parameters | None]:
        """Return the parameters of the index after a check of its dimension; None if the index does not exist.

        Raises:
            DimensionMismatch: the index has another dimension, also after a second look.
        """
        found = yield from self.parameters()
        if found is not None and found.dimension != dimension:  # perhaps the index was created again
            self.forget()
            found = yield from self.parameters()
        if found is not None and found.dimension != dimension:
            raise DimensionMismatch(
                f"The embedding has {dimension:,} dimensions, and the index {self._name!r} has {found.dimension:,}. "
                "Use the model that the index was filled with, or another index."
            )
        return found

    def _check_distance(self, distance: str) -> None:
        if self._distance not in (None, distance):
            raise DistanceMismatch(
                f"The index {self._name!r} has the distance {distance}, not {self._distance}. "
                "Leave the distance out, or use another index."
            )

    def _check_model(self, info: IndexInfo) -> None:
        recorded = info.parameters.embedding
        if self._embedder is not None and recorded is not None:
            from vectord_client.embedding.index_embedding import check_same  # noqa: PLC0415  needs numpy

            check_same(self._embedder, recorded, self._name)


def _page(vector: Sequence[float], k: int, after: str | None, parameters: dict[str, Any]) -> Step:
    return Call(lambda index: index.search(vector, k=k, after=after, **parameters))


def _add(items: Sequence[Item], etag: str | None) -> Step:
    return Call(lambda index: index.add(items, if_match=etag))


def _delete(ids: Sequence[str]) -> Step:
    return Call(lambda index: index.delete(ids=ids))


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
