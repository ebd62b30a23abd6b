"""Searches of the LangChain store that look for words: hybrid ones, and by words alone. Sync and async."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from vectord_client.hits import Hit
from vectord_client.integrations import langchain_operations as operations
from vectord_client.integrations.access import IndexAccess
from vectord_client.integrations.langchain_operations import Scored, ranked
from vectord_client.integrations.steps import Steps
from vectord_client.reranking import Scorer, arerank_matches, rerank_matches
from vectord_client.text_values import Words

TEXT_PATH: Final = "text"  # of the page content in the metadata of a row

Filter = dict[str, Any] | None


class TextSearches:
    """The methods of `VectordVectorStore` that look for words.

    All of them accept these arguments. `words` are looked for in place of the query: a text, or a dict with `query`,
    `fields`, `match` and `prefix`. `rerank` is a scorer, as for `vectord_client.rerank`, which orders the first
    `rerank_from` documents again. Others are those of `Index.search`, such as `fusion`, `recall` and `min_relevance`.
    """

    _access: IndexAccess
    _embedding: Embeddings

    def hybrid_search(self, query: str, k: int = 4, filter: Filter = None, **kwargs: Any) -> list[Document]:
        """Return the `k` best documents by two joined ranks: nearest to a text, and most relevant to its words."""
        return _documents(self.hybrid_search_with_score(query, k, filter, **kwargs))

    async def ahybrid_search(self, query: str, k: int = 4, filter: Filter = None, **kwargs: Any) -> list[Document]:
        """Search as `hybrid_search` does."""
        return _documents(await self.ahybrid_search_with_score(query, k, filter, **kwargs))

    def hybrid_search_with_score(self, query: str, k: int = 4, filter: Filter = None, **kwargs: Any) -> Scored:
        """Search as `hybrid_search` does; the score is that of the fusion, or of `rerank`: higher is better."""
        return self._run(_TextQuery.of(query, self._embedding.embed_query(query), k, filter, kwargs))

    async def ahybrid_search_with_score(self, query: str, k: int = 4, filter: Filter = None, **kwargs: Any) -> Scored:
        """Search as `hybrid_search_with_score` does."""
        return await self._arun(_TextQuery.of(query, await self._embedding.aembed_query(query), k, filter, kwargs))

    def search_by_words(self, query: str, k: int = 4, filter: Filter = None, **kwargs: Any) -> list[Document]:
        """Return the `k` documents that are most relevant to the words of a query (BM25), without an embedding."""
        return _documents(self.search_by_words_with_score(query, k, filter, **kwargs))

    async def asearch_by_words(self, query: str, k: int = 4, filter: Filter = None, **kwargs: Any) -> list[Document]:
        """Search as `search_by_words` does."""
        return _documents(await self.asearch_by_words_with_score(query, k, filter, **kwargs))

    def search_by_words_with_score(self, query: str, k: int = 4, filter: Filter = None, **kwargs: Any) -> Scored:
        """Search as `search_by_words` does; the score is the relevance, or that of `rerank`: higher is better."""
        return self._run(_TextQuery.of(query, None, k, filter, kwargs))

    async def asearch_by_words_with_score(self, query: str, k: int = 4, filter: Filter = None, **kwargs: Any) -> Scored:
        """Search as `search_by_words_with_score` does."""
        return await self._arun(_TextQuery.of(query, None, k, filter, kwargs))

    def _run(self, wanted: "_TextQuery") -> Scored:
        hits = self._access.run(wanted.steps(self._access))
        if wanted.rerank is not None and hits:
            hits = rerank_matches(hits, wanted.query, wanted.rerank, TEXT_PATH, wanted.k)
        return ranked(hits)

    async def _arun(self, wanted: "_TextQuery") -> Scored:
        hits = await self._access.arun(wanted.steps(self._access))
        if wanted.rerank is not None and hits:
            hits = await arerank_matches(hits, wanted.query, wanted.rerank, TEXT_PATH, wanted.k)
        return ranked(hits)


class _TextQuery(msgspec.Struct, frozen=True):
    """A search for words; with a vector it is hybrid."""

    query: str
    vector: Sequence[float] | None
    k: int
    filter: Filter
    words: Words
    rerank: Scorer | None
    rerank_from: int
    options: dict[str, Any]

    @classmethod
    def of(
        cls, query: str, vector: Sequence[float] | None, k: int, filter: Filter, kwargs: dict[str, Any]
    ) -> "_TextQuery":
        """Return the search of a method's arguments."""
        options = dict(kwargs)
        words, rerank = options.pop("words", None), options.pop("rerank", None)
        most = options.pop("rerank_from", 50)
        return cls(query, vector, k, filter, query if words is None else words, rerank, most, options)

    def steps(self, access: IndexAccess) -> Steps[list[Hit]]:
        """Return the search: of `k` documents, or of those that are ranked again."""
        k = self.k if self.rerank is None or self.k <= 0 else max(self.k, self.rerank_from)
        return operations.search(access, self.vector, k, filter=self.filter, words=self.words, **self.options)


def _documents(found: Scored) -> list[Document]:
    return [document for document, _ in found]
