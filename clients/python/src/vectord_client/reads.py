"""The reads of an index that can also see an earlier state of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vectord_client.counting import Countable
from vectord_client.hits import Hits
from vectord_client.session import Session
from vectord_client.sparse_values import SparseVector
from vectord_client.text_values import Words
from vectord_client.texts import Texts
from vectord_client.transfer import Exportable
from vectord_client.values import ExportLink, IndexInfo, RecallReport
from vectord_client.wire import encode, operations, plans
from vectord_client.wire.encode import AsOf, Filter, index_path


class View(Countable, Exportable):
    """An index, or one of its earlier states, to read from."""

    def __init__(self, session: Session, name: str, as_of: AsOf | None = None) -> None:
        index_path(name)
        self._session, self._name, self._as_of = session, name, as_of
        self._texts = Texts(name, session.embedder, as_of)

    @property
    def name(self) -> str:
        """The name of the index."""
        return self._name

    def __repr__(self) -> str:
        return f"<View of {self._name!r} as of {self._as_of!r}>"

    def info(self) -> IndexInfo:
        """Return parameters, count, sizes and calibration."""
        return self._session.run(operations.describe(self._name, self._as_of))

    def search(
        self,
        vector: Any = None,
        *,
        id: str | None = None,
        text: str | None = None,
        words: Words | None = None,
        sparse: SparseVector | None = None,
        k: int = 10,
        recall: float | None = None,
        ef_search: int | None = None,
        filter: Filter | None = None,
        max_distance: float | None = None,
        min_relevance: float | None = None,
        fusion: Mapping[str, Any] | None = None,
        explain: bool = False,
        highlight: bool = False,
        include: Sequence[str] | None = None,
        after: str | None = None,
        consistency: str | None = None,
        max_staleness: float | None = None,
        as_of: AsOf | None = None,
    ) -> Hits:
        """Return the nearest vectors to a vector, to the stored vector `id`, or to a text, nearest first.

        `words` are looked for in the text fields of the index: a text, or a dict with `query`, `fields`, `match` and
        `prefix`. Alone they find the most relevant first. With a vector, an id or a text the search is hybrid, and
        `fusion` says how the ranks of a match become its score. `explain` adds an `explanation` to each hit,
        and `highlight` its `highlights`: where the words stand in its texts.
        `sparse` is a dict of values by index, or (indices, values), and is searched by its dot product, alone or with
        any of these: a search may have a vector, words and a sparse vector. With `indices`, `values` and `name` in a
        dict it names one of several sparse vectors.
        `recall` is the target (0.95 if it is not given, 1 is exact). `after` is `next` of an earlier answer: its next
        page. `include` names what each hit has: "metadata" (the default) and "vector".
        """
        options: dict[str, Any] = {
            "vector": vector,
            "id": id,
            "words": words,
            "sparse": sparse,
            "k": k,
            "recall": recall,
            "ef_search": ef_search,
            "filter": filter,
            "max_distance": max_distance,
            "min_relevance": min_relevance,
            "fusion": fusion,
            "explain": explain or None,
            "highlight": highlight or None,
            "include": include,
            "after": after,
            "consistency": consistency,
            "max_staleness": max_staleness,
            "as_of": encode.state(as_of, self._as_of),
        }
        if text is not None:
            return self._session.follow(self._texts.search(text, **options))
        return self._session.run(operations.search(self._name, **options))

    def search_many(
        self,
        vectors: Iterable[Any],
        *,
        k: int = 10,
        recall: float | None = None,
        ef_search: int | None = None,
        filter: Filter | None = None,
        max_distance: float | None = None,
        include: Sequence[str] | None = None,
        consistency: str | None = None,
        max_staleness: float | None = None,
        as_of: AsOf | None = None,
    ) -> list[Hits]:
        """Return the hits of each of many vectors, which are sent up to 100 at a time."""
        return self._session.follow(
            plans.search_many(
                self._name,
                encode.vectors(vectors),
                self._session.concurrency,
                k=k,
                recall=recall,
                ef_search=ef_search,
                filter=filter,
                max_distance=max_distance,
                include=include,
                consistency=consistency,
                max_staleness=max_staleness,
                as_of=encode.state(as_of, self._as_of),
            )
        )

    def recall(
        self,
        sample: int | None = None,
        *,
        vectors: Iterable[Any] | None = None,
        k: int = 10,
        recall: float | None = None,
        ef_search: int | None = None,
        filter: Filter | None = None,
        consistency: str | None = None,
        max_staleness: float | None = None,
        as_of: AsOf | None = None,
    ) -> RecallReport:
        """Measure recall and latency of searches for `sample` stored vectors (50 by default), or for `vectors`."""
        return self._session.run(
            operations.recall(
                self._name,
                vectors=vectors,
                sample=sample,
                k=k,
                recall=recall,
                ef_search=ef_search,
                filter=filter,
                consistency=consistency,
                max_staleness=max_staleness,
                as_of=encode.state(as_of, self._as_of),
            )
        )

    def export_link(
        self, format: str = "parquet", *, vector_encoding: str | None = None, as_of: AsOf | None = None
    ) -> ExportLink:
        """Return a link to a file with all rows, in the format "lhv1", "jsonl", "jsonl.gz" or "parquet"."""
        call = operations.export_link(
            self._name, format, vector_encoding=vector_encoding, as_of=encode.state(as_of, self._as_of)
        )
        return self._session.run(call)
