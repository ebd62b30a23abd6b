"""An adapter's access to one index: its clients, and what every adapter does in the same way.

The index is created by the first write, with the dimension of its vectors. An index that does not exist is read as an
empty one.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any, Literal, TypeVar, cast
from weakref import WeakKeyDictionary

import msgspec

from vectord_client.aio import AsyncClient, AsyncIndex
from vectord_client.client import Client, Index
from vectord_client.errors import IndexNotFound, VectordError
from vectord_client.integrations.steps import Call, Step, Steps, arun, run
from vectord_client.values import Hit, Hits, IndexInfo

T = TypeVar("T")
Distance = Literal["cosine", "euclidean"]


class DimensionMismatch(VectordError, ValueError):
    """The embedding has another dimension than the index."""


class DistanceMismatch(VectordError, ValueError):
    """The index has another distance than the adapter was created with."""


class Shape(msgspec.Struct, frozen=True):
    """The parameters of an index that an adapter needs."""

    dimension: int
    distance: str


class IndexAccess:
    """One index by name, for sync and async calls.

    The async client is made at the first async call, one for each event loop, because connections belong to a loop.
    """

    def __init__(
        self,
        name: str,
        *,
        client: Client | None = None,
        async_client: AsyncClient | None = None,
        options: Mapping[str, Any] | None = None,
        distance: Distance | None = None,
        create_options: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self._client, self._async_client, self._options = client, async_client, dict(options or {})
        self._of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncClient] = WeakKeyDictionary()
        self._lock = Lock()
        self._distance, self._create_options = distance, dict(create_options or {})
        self._shape: Shape | None = None

    @property
    def client(self) -> Client:
        """The sync client, made at its first use."""
        with self._lock:
            if self._client is None:
                self._client = Client(**self._options)
            return self._client

    def async_client(self) -> AsyncClient:
        """Return the async client of the running event loop."""
        if self._async_client is not None:
            return self._async_client
        loop = asyncio.get_running_loop()
        with self._lock:
            client = self._of_loops.get(loop)
            if client is None:
                client = self._of_loops[loop] = AsyncClient(**self._options)
            return client

    def close(self) -> None:
        """Close the sync client, if the adapter made it."""

    def run(self, steps: Steps[T]) -> T:
        """Run an operation on the sync client."""
        return run(steps, self.client.index(self.name))

    async def arun(self, steps: Steps[T]) -> T:
        """Run an operation on the async client of the running event loop."""
        return await arun(steps, self.async_client().index(self.name))

    def shape(self) -> Steps[Shape | None]:
        """Return the index's dimension and distance; None if there is no index.

        Raises:
            DistanceMismatch: the adapter was created with another distance.
        """
        if self._shape is None:
            info: IndexInfo | None = yield from self.read(Call(lambda index: index.info()), missing=None)
            if info is not None:
                self._shape = self._checked(Shape(info.dimension, info.distance))
        return self._shape

    def read(self, step: Step, missing: T) -> Steps[Any]:
        """Make a request that reads, or return `missing` if there is no index."""
        try:
            return (yield step)
        except IndexNotFound:
            self._shape = None
            return missing

    def write(self, dimension: int, method: Callable[[Index], T]) -> Steps[T]:
        """Make a request that writes vectors of `dimension`; create the index before if there is none.

        Raises:
            DimensionMismatch: the index has another dimension.
        """
        yield from self._create_if_missing(dimension)
        try:
            return cast(T, (yield Call(method)))
        except IndexNotFound:  # it was deleted since it was described
            self._shape = None
        yield from self._create_if_missing(dimension)
        return cast(T, (yield Call(method)))

    def search(self, vector: Sequence[float], k: int, **parameters: Any) -> Steps[list[Hit]]:
        """Return the `k` nearest rows, or fewer if the index has fewer.

        Raises:
            DimensionMismatch: the index has another dimension than the vector.
        """
        shape = yield from self.shape()
        if shape is None or k <= 0:
            return []
        self._check_dimension(shape, len(vector))
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

    def _create_if_missing(self, dimension: int) -> Steps[None]:
        shape = yield from self.shape()
        if shape is None:
            yield Call(lambda index: index.create(dimension=dimension, exist_ok=True, **self._create_parameters()))
            shape = yield from self.shape()
        if shape is not None:
            self._check_dimension(shape, dimension)

    def _create_parameters(self) -> dict[str, Any]:
        return {"distance": self._distance or "cosine", **self._create_options}

    def _checked(self, shape: Shape) -> Shape:
        if self._distance not in (None, shape.distance):
            raise DistanceMismatch(
                f"The index {self.name!r} has the distance {shape.distance}, not {self._distance}. "
                "Leave the distance out, or use another index."
            )
        return shape

    def _check_dimension(self, shape: Shape, dimension: int) -> None:
        if dimension != shape.dimension:
            raise DimensionMismatch(
                f"The embedding has {dimension:,} dimensions and the index {self.name!r} has {shape.dimension:,}. "
                "Use the model that the index was filled with, or another index."
            )


def _page(vector: Sequence[float], k: int, after: str | None, parameters: Mapping[str, Any]) -> Step:
    return Call(lambda index: index.search(vector, k=k, after=after, **parameters))
