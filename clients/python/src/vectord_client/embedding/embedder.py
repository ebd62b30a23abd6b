"""Call an embedder and check what goes in and what comes out; make an embedder from a function."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from vectord_client.embedding.protocol import Embedder, Vectors, require_numpy
from vectord_client.errors import ArgumentInvalid, EmbeddingFailed

np = require_numpy()


class FunctionEmbedder:
    """An embedder from a function of your own: it gets a list of texts and returns their vectors, in their order.

    The prefixes are put before each text. `batch` is the most texts of one call.
    """

    def __init__(
        self,
        name: str,
        dimension: int,
        embed: Callable[[list[str]], Any],
        *,
        query_prefix: str = "",
        document_prefix: str = "",
        batch: int = 256,
    ) -> None:
        self.name, self.dimension = name, dimension
        self.query_prefix, self.document_prefix = query_prefix, document_prefix
        self._embed, self._batch = embed, batch

    def documents(self, texts: Sequence[str]) -> Vectors:
        prefixed = [self.document_prefix + text for text in texts]
        parts = [self._checked(prefixed[start : start + self._batch]) for start in range(0, len(texts), self._batch)]
        return np.concatenate(parts) if parts else np.empty((0, self.dimension), np.float32)

    def query(self, text: str) -> Vectors:
        return self._checked([self.query_prefix + text])[0]

    def __repr__(self) -> str:
        return f"<FunctionEmbedder {self.name!r}, dimension {self.dimension}>"

    def _checked(self, texts: list[str]) -> Vectors:
        return _of_shape(self._embed(texts), (len(texts), self.dimension), self.name)


def embed_documents(embedder: Embedder, texts: Iterable[str]) -> Vectors:
    """Return the vectors of documents, a float32 array (texts, dimension).

    Raises:
        ArgumentInvalid: `texts` are not texts.
        EmbeddingFailed: the embedder returned something else.
    """
    if isinstance(texts, str):
        raise ArgumentInvalid("texts must be a list of texts, not one text: write [text].")
    listed = list(texts)
    for position, text in enumerate(listed):
        _check_text(text, f"texts[{position}]")
    return _of_shape(embedder.documents(listed), (len(listed), embedder.dimension), embedder.name)


def embed_query(embedder: Embedder, text: str) -> Vectors:
    """Return the vector of a query, a float32 array (dimension,).

    Raises:
        ArgumentInvalid: `text` is not a text.
        EmbeddingFailed: the embedder returned something else.
    """
    _check_text(text, "text")
    return _of_shape(embedder.query(text), (embedder.dimension,), embedder.name)


def _check_text(text: object, name: str) -> None:
    if not isinstance(text, str):
        raise ArgumentInvalid(f"{name} must be a text, not {type(text).__name__}.")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ArgumentInvalid(f"{name} has half of a surrogate pair, which is not a character.")


def _of_shape(vectors: Any, shape: tuple[int, ...], name: str) -> Vectors:
    if hasattr(vectors, "__iter__") and not hasattr(vectors, "__len__"):  # a generator, as fastembed returns
        vectors = list(vectors)
    try:
        found = np.asarray(vectors, np.float32)
    except (TypeError, ValueError) as error:
        raise EmbeddingFailed(f"The embedder {name!r} did not return vectors of numbers: {error}.") from error
    if found.shape != shape:
        raise EmbeddingFailed(f"The embedder {name!r} returned an array of shape {found.shape}, not {shape}.")
    return found
