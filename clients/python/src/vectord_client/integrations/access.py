"""An adapter's access to one index: its clients, and the steps that all adapters have in common.

The index is created by the first write, with the dimension of its vectors. An index that does not exist is read as an
empty one.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, TypeVar, get_args

from vectord_client.errors import ArgumentInvalid, IndexNotFound, UsageError
from vectord_client.hits import Hit, Hits
from vectord_client.integrations.clients import Clients
from vectord_client.integrations.models import StoreModel
from vectord_client.integrations.steps import Call, Step, Steps, arun, run
from vectord_client.integrations.text_search import StoreText
from vectord_client.rows.id_lists import checked_ids
from vectord_client.values import IndexInfo, Parameters
from vectord_client.wire.encode import index_path

T = TypeVar("T")
Distance = Literal["cosine", "euclidean"]
Item = tuple[str, Sequence[float], dict[str, Any]]  # id, vector and metadata of a row

_REQUEST_IDS: Final = 3_000  # of a deletion: even ids of 1,024 bytes fit into a request
_MAX_DIMENSION: Final = 4_096


class DimensionMismatch(UsageError, ValueError):
    """An embedding has another dimension than the index."""


class DistanceMismatch(UsageError, ValueError):
    """The index has another distance than the adapter was created with."""


def check_distance(distance: object) -> None:
    """Raise ArgumentInvalid if a stated distance is not one that an index can have."""
    if distance is not None and distance not in get_args(Distance):
        raise ArgumentInvalid(f'distance is {distance!r}, and must be "cosine" or "euclidean".')


def check_dimension(dimension: object) -> None:
    """Raise ArgumentInvalid if a stated dimension is not one that an index can have."""
    if dimension is not None and not (type(dimension) is int and 1 <= dimension <= _MAX_DIMENSION):
        raise ArgumentInvalid(f"embedding_dimension is {dimension!r}, and must be from 1 to {_MAX_DIMENSION:,}.")


class IndexAccess:
    """One index by its name, for sync and async calls."""

    def __init__(
        self,
        name: str,
        clients: Clients,
        *,
        distance: Distance | None = None,
        dimension: int | None = None,
        model: StoreModel | None = None,
        text: StoreText | None = None,
    ) -> None:
        """Use the index `name`; it must have the distance and the dimension that are stated, and record the model.

        `text` says where the documents have their texts, and whether an index to create declares that as a text field.

        Raises:
            ArgumentInvalid: no index can have the name, the distance or the dimension.
        """
        index_path(name)
        check_distance(distance)
        check_dimension(dimension)
        self._name, self._distance, self._dimension = name, distance, dimension
        self._model, self._text = model or StoreModel(), text or StoreText("text")
        self.clients = clients
        self._parameters: Parameters | None = None

    def run(self, steps: Steps[T], *, check: bool = True) -> T:
        """Run an operation on the sync client, the first one after the checks of `parameters` unless `check` is off."""
        return run(self._checked(steps) if check else steps, self.clients.sync.index(self._name))

    async def arun(self, steps: Steps[T], *, check: bool = True) -> T:
        """Run an operation on the async client of the running event loop, as `run` does."""
        return await arun(self._checked(steps) if check else steps, self.clients.of_loop.index(self._name))

    @property
    def distance(self) -> str:
        """The distance of the index as far as it is known: a search finds it out."""
        return self._parameters.distance if self._parameters else self._distance or "cosine"

    def similarity(self, value: float) -> float:
        """Return the similarity at a distance: the cosine, from -1 to 1, or 1 / (1 + d) for euclidean, from 0 to 1."""
        return 1.0 - value if self.distance == "cosine" else 1.0 / (1.0 + value)

    def forget(self) -> None:
        """Forget the parameters, because the index was deleted."""
        self._parameters = None

    def parameters(self) -> Steps[Parameters | None]:
        """Return the parameters of the index; None if it does not exist.

        Raises:
            DistanceMismatch, DimensionMismatch: the adapter was created with another distance or dimension.
            EmbedderMismatch: the index records another model than that of the adapter.
        """
        if self._parameters is None:
            info: IndexInfo | None = yield from self.read(Call(lambda index: index.info()), missing=None)
            if info is not None:
                self._check_stated(info)
                self._model.check(info.parameters)
                self._parameters = info.parameters
        return self._parameters

    def read(self, step: Step, missing: Any) -> Steps[Any]:
        """Make a request to the index, or return `missing` if the index does not exist."""
        try:
            return (yield step)
        except IndexNotFound:
            self.forget()
            return missing

    def search(self, vector: Sequence[float] | None, k: int, **parameters: Any) -> Steps[list[Hit]]:
        """Return the `k` nearest rows, or fewer if the index has fewer; with `words` those of a hybrid search.

        Without a vector they are the most relevant ones to the words.

        Raises:
            DimensionMismatch: the index has another dimension than the vector.
            TextNotDeclared: there are words, and the index declares no text field.
        """
        found = yield from self.parameters() if vector is None else self._parameters_for(len(vector))
        if found is not None and parameters.get("words") is not None:
            found = yield from self._declaring_text(found)
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
        yield from self.ensure_exists(dimension)
        try:
            yield add_items(items, None)
        except IndexNotFound:  # it was deleted after it was described
            self.forget()
            yield from self.ensure_exists(dimension)
            yield add_items(items, None)

    def delete_ids(self, ids: Iterable[str], name: str = "ids") -> Steps[None]:
        """Delete rows by ids; ids that do not exist are ignored. Messages call the ids `name`.

        Raises:
            ArgumentInvalid: the ids are one text, or one of them is not text.
        """
        listed = checked_ids(ids, name)
        for start in range(0, len(listed), _REQUEST_IDS):
            yield from self.read(_delete(listed[start : start + _REQUEST_IDS]), missing=None)

    def ensure_exists(self, dimension: int) -> Steps[None]:
        """Create the index if it does not exist."""
        found = yield from self._parameters_for(dimension)
        if found is None:
            if self._dimension not in (None, dimension):
                raise DimensionMismatch(
                    f"The embedding has {dimension:,} dimensions, and the index {self._name!r} is to be created with "
                    f"{self._dimension:,}. Change embedding_dimension, or leave it out."
                )
            distance = self._distance or "cosine"
            record, fields = self._model.to_record(), self._text.to_declare()
            yield Call(
                lambda index: index.create(
                    dimension=dimension, distance=distance, embedding=record, text=fields, exist_ok=True
                )
            )
            yield from self._parameters_for(dimension)

    def _parameters_for(self, dimension: int) -> Steps[Parameters | None]:
        """Return the parameters of the index after a check of its dimension; None if the index does not exist.

        Raises:
            ArgumentInvalid: the dimension is 0.
            DimensionMismatch: the index has another dimension, also after a second look.
        """
        if not dimension:
            raise ArgumentInvalid("An embedding has no numbers. Give one for each dimension of the index.")
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

    def _declaring_text(self, found: Parameters) -> Steps[Parameters | None]:
        """Return the parameters of the index, which declares a text field; None if it was deleted.

        Raises:
            TextNotDeclared: it declares none, also after a second look.
        """
        if found.text:
            return found
        self.forget()  # perhaps it was declared later
        again = yield from self.parameters()
        if again is not None:
            self._text.check(again)
        return again

    def _checked(self, steps: Steps[T]) -> Steps[T]:
        """Compare the index with what the caller stated, then run the steps.

        If the caller stated nothing, no request is made: searches and writes read the parameters themselves.
        """
        if self._parameters is None and (self._distance or self._dimension or self._model.stated):
            yield from self.parameters()
        return (yield from steps)

    def _check_stated(self, info: IndexInfo) -> None:
        if self._distance not in (None, info.distance):
            raise DistanceMismatch(
                f"The index {self._name!r} has the distance {info.distance}, not {self._distance}. "
                "Leave the distance out, or use another index."
            )
        if self._dimension not in (None, info.dimension):
            raise DimensionMismatch(
                f"The index {self._name!r} has {info.dimension:,} dimensions, and the store was created with "
                f"embedding_dimension={self._dimension}. Leave embedding_dimension out, or use another index."
            )


def _page(vector: Sequence[float] | None, k: int, after: str | None, parameters: dict[str, Any]) -> Step:
    return Call(lambda index: index.search(vector, k=k, after=after, **parameters))


def add_items(items: Sequence[Item], etag: str | None) -> Step:
    """Return the request that adds items; with `etag` only to this state of the index."""
    return Call(lambda index: index.add(items, if_match=etag))


def _delete(ids: Sequence[str]) -> Step:
    return Call(lambda index: index.delete(ids=ids))
