"""Searches with filters that select from 50 % to 0.1 % of the rows: recall and latency.

The selected rows are random, or all on one side of the data; the queries are anywhere.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from bench.data import K
from bench.peers.adapters.peer import F32
from bench.peers.vectors import Vectors, vectors
from tools.command.console import step, table
from vectord.filters import parse
from vectord.filters import tree as filters_tree
from vectord.index import rows as index_rows
from vectord.index import state
from vectord.index.codec import decode, encode
from vectord.index.mutations import with_rows
from vectord.index.query.filtering import matching_rows
from vectord.index.query.query import Query
from vectord.index.query.search import search_many
from vectord.index.state import Index
from vectord.lhv1.params import new_params

ROWS: Final = 99_000
_LEAST: Final = 10_000
SHARES: Final = (0.5, 0.1, 0.01, 0.001)
_QUERIES: Final = 200
_SCALE: Final = 1_000_000  # range of the numbers that filters compare
_SEED: Final = 7
_TAGS: Final = 20


@dataclass(frozen=True, slots=True)
class Figures:
    """One filter, all queries: share of the rows, recall, median milliseconds of the filter and of the whole search."""

    name: str
    share: float
    recall: float
    least: float
    filter_ms: float
    search_ms: float
    scan_ms: float
    strategies: str


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/run.py filters", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--data", type=Path, help="an .npz file with `base` (n, d) and `query` (m, d); default: synthetic vectors"
    )
    parser.add_argument("--rows", type=int, default=ROWS, help=f"rows to search (default {ROWS:,})")
    options = parser.parse_args()
    if options.rows < _LEAST:
        parser.error(f"--rows must be at least {_LEAST:,}, so that every filter selects rows")
    with step("data", f"{options.rows:,} rows") as progress:
        data = vectors(options.data, options.rows, _QUERIES, 0)
        progress.note = data.about
    facts = _facts(data.base)
    with step("build", "with the columns that filters read"):
        index = _built(data, facts)
    with step("search", f"{len(data.queries)} queries for each filter"):
        found = [_measured(index, data, name, tree, facts) for name, tree in _filters().items()]
    _show(data, found)


def _facts(base: F32) -> Mapping[str, npt.NDArray[Any]]:
    """Return the metadata of the rows as arrays: two random numbers, and the position of the row on one axis."""
    rng = np.random.default_rng(_SEED)
    axis = base[rng.integers(len(base))]
    place = np.argsort(np.argsort(-(base @ axis))) * (_SCALE / len(base))
    return {
        "number": rng.integers(0, _SCALE, len(base)),
        "tag": rng.integers(0, _TAGS, len(base)),
        "place": place.astype(np.int64),
    }


def _built(data: Vectors, facts: Mapping[str, npt.NDArray[Any]]) -> Index:
    columns = {name: values.tolist() for name, values in facts.items()}
    ids = [str(row) for row in range(len(data.base))]
    metadata = {
        vector_id: msgspec.Raw(json.dumps({"number": number, "tag": f"tag-{tag}", "at": {"place": place}}).encode())
        for vector_id, number, tag, place in zip(ids, columns["number"], columns["tag"], columns["place"], strict=True)
    }
    empty = state.empty_index(new_params("filters", data.base.shape[1]))
    return decode.open_blob(
        encode.encode(with_rows(empty, index_rows.Rows(ids, data.base, metadata)), "filters", "0" * 32).blob
    )


def _filters() -> dict[str, tuple[filters_tree.Filter, str, float]]:
    """Return filters by name, each with the array of `_facts` that it tests and the upper limit."""
    asked = {}
    for share in SHARES:
        limit = share * _SCALE
        asked[f"at random, {share:.1%}"] = (parse.parse({"number": {"$lt": limit}}), "number", limit)
        asked[f"on one side, {share:.1%}"] = (parse.parse({"at.place": {"$lt": limit}}), "place", limit)
    asked[f"one of {_TAGS} tags"] = (parse.parse({"tag": "tag-0"}), "tag", 1)
    return asked


def _measured(
    index: Index,
    data: Vectors,
    name: str,
    asked: tuple[filters_tree.Filter, str, float],
    facts: Mapping[str, npt.NDArray[Any]],
) -> Figures:
    tree, fact, limit = asked
    rows = np.flatnonzero(facts[fact] < limit)
    matching_rows(index, tree)
    recalls, filter_ms, search_ms, scan_ms, strategies = [], [], [], [], set()
    for query in data.queries:
        start = perf_counter()
        true = rows[np.argpartition(-(data.base[rows] @ query), min(K, len(rows)) - 1)[:K]].tolist()
        scanned = perf_counter()
        chosen = matching_rows(index, tree)
        filtered = perf_counter()
        answer = search_many(index, Query(K, (query,)), chosen)[0]
        done = perf_counter()
        recalls.append(len({int(match.id) for match in answer.matches} & set(true)) / len(true))
        scan_ms.append((scanned - start) * 1e3)
        filter_ms.append((filtered - scanned) * 1e3)
        search_ms.append((done - scanned) * 1e3)
        strategies.add(answer.strategy)
    return Figures(
        name,
        len(rows) / len(data.base),
        float(np.mean(recalls)),
        float(np.min(recalls)),
        float(np.median(filter_ms)),
        float(np.median(search_ms)),
        float(np.median(scan_ms)),
        ", ".join(sorted(strategies)),
    )


def _show(data: Vectors, measured: Sequence[Figures]) -> None:
    print(f"\n{data.shape}, cosine, recall@{K} of {len(data.queries)} queries, one thread")
    header = ("filter", "rows", "recall", "least", "filter ms", "search ms", "numpy scan ms", "by")
    table(
        header,
        [
            (
                one.name,
                f"{one.share:.2%}",
                f"{one.recall:.3f}",
                f"{one.least:.1f}",
                f"{one.filter_ms:.2f}",
                f"{one.search_ms:.2f}",
                f"{one.scan_ms:.2f}",
                one.strategies,
            )
            for one in measured
        ],
    )


if __name__ == "__main__":
    main()
