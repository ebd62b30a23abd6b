"""The embedder of an index: what a new index records, and which embedder an index with a record accepts."""

from typing import Any

from vectord_client.embedding.protocol import Embedder
from vectord_client.embedding.registry import find, find_for
from vectord_client.errors import ArgumentInvalid, EmbedderMismatch, NoEmbedder
from vectord_client.values import Embedding, Parameters

Given = str | Embedder | Embedding  # how a caller names a model


def as_embedder(given: str | Embedder) -> Embedder:
    """Return an embedder that is given by itself or by its name.

    Raises:
        ArgumentInvalid: it is neither.
        NoEmbedder, MissingExtra: as `registry.find`.
    """
    if isinstance(given, str):
        return find(given)
    if not (
        isinstance(getattr(given, "name", None), str)
        and not isinstance(given, type)
        and hasattr(given, "documents")
        and hasattr(given, "query")
    ):
        raise ArgumentInvalid(
            "An embedder is a name, or an object with name, dimension, documents(texts) and query(text), not "
            f"{type(given).__name__}."
        )
    return given


def record_of(given: Given) -> Embedding:
    """Return what an index records about a model; for a model without an adapter, give the record itself.

    Raises:
        ArgumentInvalid, NoEmbedder, MissingExtra: as `as_embedder`.
    """
    if isinstance(given, Embedding):
        return given
    embedder = as_embedder(given)
    prefixes = [_stated(embedder, name) or "" for name in ("query_prefix", "document_prefix")]
    return Embedding(embedder.name, *prefixes)


def embedder_of(configured: str | Embedder | None, parameters: Parameters) -> Embedder:
    """Return the embedder for the texts of an index: the configured one, otherwise the one that the index records.

    Raises:
        EmbedderMismatch: the index records another model or other prefixes, or has another dimension.
        NoEmbedder: nothing is configured, and the index records no model, or one without an adapter.
        MissingExtra: the adapter needs packages that are not installed.
    """
    recorded = parameters.embedding
    if recorded is not None and configured in (None, recorded.model):
        embedder = find_for(recorded)
    elif configured is not None:
        embedder = as_embedder(configured)
    else:
        raise NoEmbedder(
            f"The index {parameters.name!r} does not record an embedding model.",
            advice="Pass the embedder that made its vectors, Client(..., embedder=...), or set VECTORD_EMBEDDER.",
        )
    if recorded is not None:
        check_same(embedder, recorded, parameters.name)
    if embedder.dimension != parameters.dimension:
        raise EmbedderMismatch(
            f"The index {parameters.name!r} has {parameters.dimension:,} dimensions, but the embedder "
            f"{embedder.name!r} makes vectors of {embedder.dimension:,}."
        )
    return embedder


def check_same(given: Embedder | Embedding, recorded: Embedding, index: str) -> None:
    """Raise EmbedderMismatch if `given` has another name than the recorded model, or states other prefixes."""
    name = given.model if isinstance(given, Embedding) else given.name
    if name != recorded.model:
        raise EmbedderMismatch(
            f"The vectors of the index {index!r} were made by the model {recorded.model!r}, not by {name!r}. Vectors "
            "of two models cannot be compared: use the recorded one, or create another index."
        )
    for prefix in ("query_prefix", "document_prefix"):
        stated, expected = _stated(given, prefix), getattr(recorded, prefix)
        if stated is not None and stated != expected:
            raise EmbedderMismatch(
                f"The index {index!r} records the {prefix} {expected!r} for the model {name!r}, but the embedder has "
                f"{stated!r}. Use the recorded one."
            )


def _stated(model: Any, prefix: str) -> str | None:
    """Return a prefix of an embedder, None if it does not state it."""
    found = getattr(model, prefix, None)
    return found if isinstance(found, str) else None
