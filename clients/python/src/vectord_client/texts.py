"""Operations with texts: embed them with the model of the index, then send the vectors."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeAlias

from vectord_client.change_values import ChangeState
from vectord_client.embedding.protocol import Embedder
from vectord_client.errors import ArgumentInvalid, BadItem, EmbedderMismatch
from vectord_client.hits import Hits
from vectord_client.rows.block import Block, InvalidRows
from vectord_client.rows.id_lists import check_several, checked_ids
from vectord_client.values import Added, Embedding, IndexInfo, Parameters, Restored
from vectord_client.wire import changes, operations, plans
from vectord_client.wire.call import Call, Plan, Work
from vectord_client.wire.encode import AsOf

# The name of an embedder, an embedder, or the record of a model. False: no model is recorded.
Model: TypeAlias = str | Embedder | Embedding | Literal[False]


class Texts:
    """Plans for the texts of one index.

    The index is described once, before the first text, because its embedding record never changes. An index that was
    deleted and created again needs a new object.
    """

    def __init__(self, name: str, configured: str | Embedder | None, as_of: AsOf | None = None) -> None:
        self._name, self._configured, self._as_of = name, configured, as_of
        self._embedder: Embedder | None = None

    def search(self, text: str, **options: Any) -> Plan[Hits]:
        """Search for a text.

        Raises:
            NoEmbedder: No embedder is configured, and the index records no model that has an adapter.
            EmbedderMismatch: The index records another model.
            EmbeddingFailed: The model returned no vector.
            ArgumentInvalid: It is empty or not a text, or there is a vector or an id too.
        """
        if options.pop("vector", None) is not None or options.get("id") is not None:
            raise ArgumentInvalid(operations.ONE_QUERY)
        if reason := _text_reason(text):
            raise ArgumentInvalid(f"{reason[0].upper()}{reason[1:]}: write the words to search for.")
        embedder = yield from self._checked_embedder()
        vector = yield Work(lambda: _embedding().embed_query(embedder, text))
        hits: Hits = yield operations.search(self._name, vector=vector, **options)
        return hits

    def add(
        self,
        ids: Any,
        texts: Iterable[str],
        metadata: Iterable[Any] | None,
        if_match: str | None,
        sparse: Any = None,
    ) -> Plan[Added]:
        """Add or replace the vectors of documents; raise what `rows` raises."""
        blocks = yield from self.rows(ids, texts, metadata, sparse)
        return (yield from plans.add(self._name, blocks, if_match))

    def queued_add(
        self,
        ids: Any,
        texts: Iterable[str],
        metadata: Iterable[Any] | None,
        if_match: str | None,
        sparse: Any = None,
    ) -> Plan[ChangeState]:
        """Queue an add of the vectors of documents; raise what `rows` raises.

        Raises:
            ArgumentInvalid: There are no documents, or their vectors need several requests.
        """
        blocks = yield from self.rows(ids, texts, metadata, sparse)
        state: ChangeState = yield changes.add(self._name, blocks, if_match)
        return state

    def rows(
        self, ids: Any, texts: Iterable[str], metadata: Iterable[Any] | None, sparse: Any = None
    ) -> Plan[Sequence[Block]]:
        """Embed documents and return their rows.

        Raises:
            InvalidRows: Some texts are empty or not text.
            NoEmbedder, EmbedderMismatch, EmbeddingFailed, ArgumentInvalid: as `search`.
        """
        if ids is None:
            raise ArgumentInvalid("Give `ids` with `texts`.")
        check_several(texts, "texts")
        documents, listed = list(texts), checked_ids(ids)
        if len(listed) != len(documents):  # before the model is called, which may take long or cost money
            raise ArgumentInvalid(f"There are {len(listed):,} ids for {len(documents):,} texts.")
        if bad := [
            BadItem(row, listed[row], reason) for row, text in enumerate(documents) if (reason := _text_reason(text))
        ]:
            raise InvalidRows(bad)
        embedder = yield from self._checked_embedder()
        vectors = yield Work(lambda: _embedding().embed_documents(embedder, documents))
        return plans.blocks_of(None, listed, vectors, metadata, ("id", "vector"), sparse=sparse)

    def _checked_embedder(self) -> Plan[Embedder]:
        if self._embedder is None:
            info: IndexInfo = yield operations.describe(self._name, self._as_of)
            self._embedder = yield Work(lambda: _index_embedding().embedder_of(self._configured, info.parameters))
        return self._embedder


def check_only_texts(rows: object, vectors: object) -> None:
    """Raise ArgumentInvalid if an add has rows or vectors besides its texts."""
    if rows is not None or vectors is not None:
        raise ArgumentInvalid("Give one of rows, vectors and texts.")


def _text_reason(text: object) -> str | None:
    """Return why a model cannot embed a text, None if it can. Without words, the result would be arbitrary."""
    if not isinstance(text, str):
        return f"the text is {text!r:.80}, which is not text"
    return None if text.strip() else "the text is empty"


def create(
    make: Callable[..., Call[Restored]],
    name: str,
    *,
    exist_ok: bool,
    configured: str | Embedder | None,
    embedding: Model | None,
    dimension: int | None,
    **parameters: Any,
) -> Plan[None]:
    """Create an index that records its embedding model.

    The model is `embedding`, or else the configured embedder if it has the dimension of the index. `dimension` may be
    absent if an embedder is given. If `embedding` is False, no model is recorded.

    Raises:
        ArgumentInvalid: Neither a dimension nor an embedder that has one is given.
        EmbedderMismatch: The embedder has another dimension, or the index exists and records another model.
        IndexExists: It exists, and `exist_ok` is not set or its parameters differ.
    """
    given_model = None if embedding is False else embedding
    default = None if embedding is False else configured
    dimension, record = yield Work(lambda: _model_of(given_model, default, dimension))
    given = {"dimension": dimension, **parameters}
    call = make(name, embedding=record, **given)
    found: IndexInfo | None = yield from plans.create(call, name, exist_ok, **given)
    if found is not None and record is not None:
        _check_existing(found.parameters, record, required=given_model is not None)


def _model_of(
    embedding: str | Embedder | Embedding | None, configured: str | Embedder | None, dimension: int | None
) -> tuple[int, Embedding | None]:
    """Return the dimension of a new index, and the model that it records."""
    if embedding is None and configured is None:
        if dimension is None:
            raise ArgumentInvalid("Give the dimension of the vectors, or an embedding model that has one.")
        return dimension, None
    if isinstance(embedding, Embedding):
        if dimension is None:
            raise ArgumentInvalid("Give the dimension of the vectors: the record of a model does not have it.")
        return dimension, embedding
    models = _index_embedding()
    embedder = models.as_embedder(embedding if embedding is not None else configured)
    if dimension in (None, embedder.dimension):
        return embedder.dimension, models.record_of(embedder)
    if embedding is None:
        return dimension, None  # an index for other vectors
    raise EmbedderMismatch(
        f"The embedder {embedder.name!r} makes vectors of {embedder.dimension:,} dimensions, not {dimension:,}. Leave "
        "the option `dimension` out."
    )


def _check_existing(existing: Parameters, record: Embedding, *, required: bool) -> None:
    """Raise EmbedderMismatch if an index records another model; also if it records none and one is `required`."""
    if existing.embedding is not None:
        _index_embedding().check_same(record, existing.embedding, existing.name)
    elif required:
        raise EmbedderMismatch(
            f"The index {existing.name!r} exists and records no embedding model, so it is not known whether "
            f"{record.model!r} made its vectors. Accept it without a model, or create another index."
        )


def _embedding() -> Any:
    from vectord_client.embedding import embedder  # noqa: PLC0415  needs numpy, an extra

    return embedder


def _index_embedding() -> Any:
    from vectord_client.embedding import index_embedding  # noqa: PLC0415  needs numpy, an extra

    return index_embedding
