"""Answers as the records that commands print. Their keys are promised in docs/command-line.md."""

import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from math import isnan
from typing import Any

from msgspec import to_builtins

from vectord_client.cli.tables import Column
from vectord_client.hits import Hit
from vectord_client.values import Facet, IndexInfo, IndexSummary, Row, Version

INDEX_COLUMNS = (Column("name"), Column("bytes", right=True), Column("modified"))
ROW_COLUMNS = (Column("id", least=12, rank=1), Column("metadata", least=12, rank=2))
VECTOR_COLUMN = Column("vector", least=12, rank=3)
VERSION_COLUMNS = (Column("version"), Column("modified"), Column("bytes", right=True), Column("state"))
FACET_COLUMNS = (Column("path", least=8, rank=1), Column("value", least=8, rank=2), Column("count", right=True))


def hit_columns(*, near: bool, words: bool, sparse: bool) -> tuple[Column, ...]:
    """Return the columns of a search by a vector, words and a sparse vector: only the numbers that its matches have."""
    has = {
        "score": near + words + sparse > 1,
        "distance": near,
        "relevance": words or sparse,
        "sparse_relevance": words and sparse,
    }
    numbers = (Column(name, right=True) for name, is_there in has.items() if is_there)
    return Column("rank", " ", right=True), Column("id", least=12, rank=1), *numbers, ROW_COLUMNS[1]


def of_summary(index: IndexSummary) -> dict[str, Any]:
    """Return the record of an index in a listing."""
    return {"name": index.name, "bytes": index.bytes, "modified": moment(index.modified)}


def of_info(info: IndexInfo) -> dict[str, Any]:
    """Return the record of an index; keys that do not concern it are absent."""
    parameters = info.parameters
    record: dict[str, Any] = {
        "name": info.name,
        "count": info.count,
        "dimension": info.dimension,
        "distance": info.distance,
        "m": parameters.m,
        "ef_search": parameters.ef_search,
        "bytes": info.bytes,
        "graph_bytes": info.graph_bytes,
        "etag": info.etag,
        "calibration": info.calibration,
    }
    if parameters.embedding is not None:
        embedding = parameters.embedding
        record["embedding"] = {
            "model": embedding.model,
            "query_prefix": embedding.query_prefix,
            "document_prefix": embedding.document_prefix,
        }
    if parameters.text is not None:
        record["text"] = {
            path: {"language": field.language, "stopwords": field.stopwords, "searchable": field.searchable}
            for path, field in parameters.text.items()
        }
    if parameters.sparse is not None:
        record["sparse"] = {name: {"searchable": field.searchable} for name, field in parameters.sparse.items()}
    if info.shards:
        record["shards"] = [{"count": one.count, "bytes": one.bytes, "etag": one.etag} for one in info.shards]
    if info.build is not None:
        record["build"] = {"since": moment(info.build.since), "stage": info.build.stage}
    return record


def of_row(row: Row, *, vectors: bool = False) -> dict[str, Any]:
    """Return the record of a stored row."""
    record = {"id": row.id, "metadata": row.metadata}
    return {**record, "vector": shortest(row.vector)} if vectors and row.vector is not None else record


def of_hit(hit: Hit, rank: int) -> dict[str, Any]:
    """Return the record of a match; `rank` counts from 1. Numbers that the match does not have are absent."""
    distance = None if isnan(hit.distance) else hit.distance
    numbers = {"score": hit.score, "distance": distance, "relevance": hit.relevance}
    numbers["sparse_relevance"] = hit.sparse_relevance
    shown = {name: number for name, number in numbers.items() if number is not None}
    record = {"rank": rank, "id": hit.id, **shown, "metadata": hit.metadata}
    if hit.explanation is not None:
        why = to_builtins(hit.explanation)
        absent = {"text_rank"} if why["text_rank"] is None and not why["terms"] else set[str]()
        if why["sparse_rank"] is None and not why["indices"]:
            absent = {"sparse_rank", "indices"}
        record["explanation"] = {name: value for name, value in why.items() if name not in absent}
    if hit.highlights is not None:
        record["highlights"] = to_builtins(hit.highlights)
    return record if hit.vector is None else {**record, "vector": shortest(hit.vector)}


def highlighted_words(hit: Hit) -> set[str]:
    """Return the words of a search as they are written in a match."""
    return {word for each in hit.highlights or () for word in each.words(hit.metadata)}


def of_version(version: Version) -> dict[str, Any]:
    """Return the record of a state of an index."""
    return {
        "version": version.id,
        "etag": version.etag,
        "bytes": version.bytes,
        "modified": moment(version.modified),
        "latest": version.latest,
        "deleted": version.deleted,
        "removed_since": moment(version.removed_since) if version.removed_since else None,
    }


def of_facet(facet: Facet) -> dict[str, Any]:
    """Return the record of the values at one path."""
    return {
        "path": facet.path,
        "rows": facet.rows,
        "distinct": facet.distinct,
        "values": [{"value": one.value, "count": one.count} for one in facet.values],
        "min": facet.min,
        "max": facet.max,
        "approximate": facet.approximate,
    }


def version_line(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a state as a table shows it, with `state`: present, deleted, or nothing."""
    state = "deleted" if record["deleted"] else "present" if record["latest"] else ""
    return {**record, "state": state}


def value_lines(facet: Facet) -> Iterator[dict[str, Any]]:
    """Yield the records of one path as a table shows them: a line for each value."""
    for one in facet.values:
        value = one.value if isinstance(one.value, str) else json.dumps(one.value)
        yield {"path": facet.path, "value": value, "count": one.count}


def counted(count: int, what: str) -> str:
    """Return a number with its noun: 1 row, 2,000 rows, 2 indexes."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}{'es' if what.endswith('x') else 's'}"


def moment(time: datetime) -> str:
    """Return a time as RFC 3339."""
    return time.isoformat().replace("+00:00", "Z")


def shortest(vector: Iterable[float]) -> list[float]:
    """Return components with the fewest digits that are read as the same float32."""
    return [_shortest(float(number)) for number in vector]


def _shortest(number: float) -> float:
    for digits in (6, 7, 8):
        short = float(f"{number:.{digits}g}")
        if struct.unpack("<f", struct.pack("<f", short))[0] == number:
            return short
    return float(f"{number:.9g}")
