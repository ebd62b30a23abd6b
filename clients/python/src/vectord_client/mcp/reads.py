"""The tools that read."""

from itertools import islice
from typing import Annotated, Any, Final, Literal, cast

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, ConfigDict, Field

from vectord_client.client import Client
from vectord_client.mcp import answers

MAX_INDEXES: Final = 200
MAX_K: Final = 100
MAX_IDS: Final = 100
MAX_VALUES: Final = 200
_EXAMPLES: Final = 3
_TEXT: Final = "The query: a text. The mode says what is done with it."
_MODE: Final = (
    "vector: the nearest by meaning; a text needs the embedding model of the index. words: the most relevant by the "
    "words of text, such as names, codes and exact terms; needs text_fields. hybrid: both, joined; the best choice "
    "where the index has a model and text_fields."
)
_VECTOR: Final = "A query vector of the index's dimension."
_ID: Final = "The id of a stored vector whose neighbours are wanted."
_SPARSE: Final = (
    "A sparse query vector of the model that made those of the index: alone it finds the largest dot products; with "
    "text, vector or id the search is hybrid. Needs sparse_vectors."
)
_SPARSE_NAME: Final = "One of sparse_vectors; needed if the index has several."

IndexName = Annotated[str, Field(description="The name of an index, as list_indexes shows it.", examples=["films"])]
Mode = Literal["vector", "words", "hybrid"]
Filter = Annotated[
    dict[str, Any] | None,
    Field(
        description='A condition on metadata, such as {"year": {"$gte": 1990}, "by.name": "Mann"}. Operators: $eq $ne '
        "$gt $gte $lt $lte $in $nin $exists $prefix $glob, and $match $match_any $phrase on the words of text fields; "
        "$and and $or have a list of filters, $not has one filter.",
        examples=[{"year": {"$gte": 1990}}],
    ),
]


class SparseQuery(BaseModel):
    """A sparse vector to search for: distinct indices, and a value for each."""

    model_config = ConfigDict(extra="forbid")

    indices: list[Annotated[int, Field(ge=0, le=2**32 - 1)]] = Field(min_length=1, max_length=4_096)
    values: list[float] = Field(min_length=1, max_length=4_096)
    name: str | None = Field(None, description=_SPARSE_NAME)


class ReadTools:
    """The tools that read, on one client."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.functions = (
            self.list_indexes,
            self.describe_index,
            self.search,
            self.get_vectors,
            self.count_vectors,
            self.count_values,
        )

    def list_indexes(
        self,
        prefix: Annotated[str, Field(description="Only indexes whose names begin so.", examples=["fil"])] = "",
        limit: Annotated[int, Field(ge=1, le=MAX_INDEXES, examples=[50])] = 50,
    ) -> answers.Indexes:
        """List the indexes by name, with their sizes in bytes and the times of their last writes."""
        found = list(islice(self._client.indexes(prefix), limit + 1))
        listed: list[answers.ListedIndex] = [
            {"name": one.name, "bytes": one.bytes, "modified": one.modified.isoformat()} for one in found[:limit]
        ]
        answer: answers.Indexes = {"indexes": listed}
        if len(found) > limit:
            answer["note"] = f"These are the first {limit} of more indexes: give a prefix or a higher limit."
        return answer

    def describe_index(self, index: IndexName) -> answers.Described:
        """Describe an index: size, distance, embedding model, text fields, sparse vectors, and some metadata.

        The examples show which metadata paths exist. If embedding_model is null, a text may only be searched by its
        words. text_fields are the metadata paths whose words can be searched; without any, use the mode vector.
        sparse_vectors are the names that a search by sparse can have. not_searchable_yet are declared text fields and
        sparse vectors that can be searched after the next build.
        """
        chosen = self._client.index(index)
        info = chosen.info()
        examples: Any = [
            {"id": row.id, **answers.metadata_members(row.metadata)}
            for row in islice(chosen.rows(page_size=_EXAMPLES), _EXAMPLES)
        ]
        model = info.parameters.embedding
        return {
            "name": info.name,
            "dimension": info.dimension,
            "distance": info.distance,
            "count": info.count,
            "bytes": info.bytes,
            "shards": info.parameters.shards,
            "embedding_model": model.model if model else None,
            **answers.fields(info.parameters),
            "examples": examples,
        }

    def search(  # noqa: PLR0917  a model passes arguments by name
        self,
        index: IndexName,
        text: Annotated[str, Field(description=_TEXT, examples=["a crew in space"])] = "",
        vector: Annotated[list[float] | None, Field(description=_VECTOR, examples=[[0.25, -0.5]])] = None,
        id: Annotated[str, Field(description=_ID, examples=["alien"])] = "",
        k: Annotated[int, Field(ge=1, le=MAX_K, description="How many matches.", examples=[10])] = 10,
        filter: Filter = None,
        max_distance: Annotated[float | None, Field(ge=0, examples=[0.5])] = None,
        recall: Annotated[float, Field(ge=0.5, le=1, description="1 is an exact search.", examples=[0.95])] = 0.95,
        sparse: Annotated[
            SparseQuery | None,
            Field(description=_SPARSE, examples=[{"indices": [17, 2024], "values": [1.5, 0.5]}]),
        ] = None,
        mode: Annotated[Mode, Field(description=_MODE, examples=["hybrid"])] = "vector",
    ) -> answers.Matches:
        """Find the best matches to a text, a vector, an id or a sparse vector: by meaning, by words, or by both.

        By mode vector, exactly one of text, vector and id is given, and matches have a distance: the smaller, the
        nearer. By words, they have a relevance: the higher, the better. By hybrid, they have both, and a score that
        orders them; vector or id may stand for the meaning, and text for the words. sparse may be given alone, where
        the relevance is the dot product, or with one of text, vector and id. Matches have their metadata.
        `count` is the number of vectors in the index, `eligible` of those that satisfy the filter.
        """
        check_query(mode, sparse is not None, text=bool(text), vector=vector is not None, id=bool(id))
        embedded = mode == "vector" or (vector is None and not id and mode == "hybrid")
        hits = self._client.index(index).search(
            vector,
            id=id or None,
            text=text if text and embedded else None,
            words=None if mode == "vector" else text,
            sparse=None if sparse is None else sparse.model_dump(exclude_none=True),
            k=k,
            filter=filter,
            max_distance=max_distance,
            recall=recall,
        )
        matches, note = answers.that_fit(answers.match(hit) for hit in hits)
        answer = {"matches": matches, "count": hits.count, "eligible": hits.eligible, "strategy": hits.strategy}
        return cast("answers.Matches", _with_note(answer, note))

    def get_vectors(
        self,
        index: IndexName,
        ids: Annotated[list[str], Field(min_length=1, max_length=MAX_IDS, examples=[["alien", "heat"]])],
        include_vector: Annotated[
            bool, Field(description="Also the numbers: a vector is long.", examples=[True])
        ] = False,
    ) -> answers.Vectors:
        """Get stored vectors by their ids, with their metadata; `missing` lists ids that do not exist."""
        rows = self._client.index(index).get(ids, include=("metadata", "vector") if include_vector else ("metadata",))
        found = {row.id for row in rows}
        vectors, note = answers.that_fit(
            {
                "id": row.id,
                **answers.metadata_members(row.metadata),
                **({"vector": [_short(number) for number in row.vector]} if row.vector is not None else {}),
            }
            for row in rows
        )
        missing = [one for one in ids if one not in found]
        return cast("answers.Vectors", _with_note({"vectors": vectors, "missing": missing}, note))

    def count_vectors(self, index: IndexName, filter: Filter = None) -> answers.CountedVectors:
        """Count the vectors of an index, or those that satisfy a filter."""
        return {"count": self._client.index(index).count(filter)}

    def count_values(
        self,
        index: IndexName,
        paths: Annotated[
            list[str],
            Field(min_length=1, max_length=10, description="Metadata paths.", examples=[["genre", "by.name"]]),
        ],
        filter: Filter = None,
        limit: Annotated[
            int, Field(ge=1, le=MAX_VALUES, description="The most frequent values of a path.", examples=[20])
        ] = 20,
    ) -> answers.CountedValues:
        """Count the distinct values at metadata paths (facets), with the minimum and maximum of numbers."""
        facets = self._client.index(index).facets(paths, filter=filter, limit=limit)
        counted, note = answers.that_fit(
            {
                "path": facet.path,
                "vectors": facet.rows,
                "distinct": facet.distinct,
                "values": [{"value": answers.shortened(one.value), "count": one.count} for one in facet.values],
                "min": facet.min,
                "max": facet.max,
            }
            for facet in facets
        )
        return cast("answers.CountedValues", _with_note({"count": facets.count, "paths": counted}, note))


def check_query(mode: Mode, has_sparse: bool, /, **given: bool) -> None:
    """Raise ToolError if a search does not have what its mode needs: some of text, vector and id, or `sparse`."""
    names = [name for name, has in given.items() if has]
    has = f"has {' and '.join(names)}" if names else "has none of them, or an empty text"
    if mode == "vector" and has_sparse:
        if len(names) > 1:
            raise ToolError(f"With sparse, give at most one of text, vector and id; this call {has}.")
    elif mode == "vector" and len(names) != 1:
        raise ToolError(f'Give exactly one of text, vector and id; this call {has}. Example: {{"text": "space"}}')
    if mode == "words" and names != ["text"]:
        raise ToolError(
            f"The mode words needs text alone, of text, vector and id; this call {has}. "
            'Example: {"mode": "words", "text": "space"}'
        )
    if mode == "hybrid" and (not given["text"] or len(names) > 2):
        raise ToolError(
            f"The mode hybrid needs text, and may have one of vector and id; this call {has}. "
            'Example: {"mode": "hybrid", "text": "space"}'
        )


def _with_note(answer: dict[str, Any], note: str | None) -> dict[str, Any]:
    return answer if note is None else {**answer, "note": note}


def _short(component: float) -> float:
    """Return a float32 component as the shortest number that is the same float32."""
    return float(f"{component:.9g}")
