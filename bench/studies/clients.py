"""Embedded vectord beside LanceDB, Chroma and Qdrant; the client beside the handlers: `python bench/run.py clients`.

The same 99,000 x 384 rows with small metadata go into each database in a folder, in processes of their own that take
turns; figures are medians. Recall is measured against a scan in float64. Then the client loads and searches over HTTP
on the stack, beside the same requests to the handlers in this process.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from bench.embedded import over_http
from bench.embedded.session import Measured, Participant, Session
from bench.measure import machine
from bench.peers.session import unbuffered
from bench.peers.vectors import vectors
from tools.command.console import step, table
from tools.command.run import scratch_folder

_ROWS, _QUERIES, _FIRSTS = 99_000, 200, 7
_QUICK_ROWS, _QUICK_QUERIES, _QUICK_FIRSTS = 10_000, 40, 2
_RECALLS: Final = (0.95, 0.99)
OURS: Final = Participant("vectord", "vectord_folder", "msgspec", (0.9, 0.95, 0.98, 0.99, 0.995, 1.0), 0.95)
PARTICIPANTS: Final = (
    OURS,
    Participant(
        "LanceDB IVF_PQ", "lance_table", "lancedb", ((1, 10), (5, 5), (5, 10), (10, 10), (20, 10)), (5, 10), "pq"
    ),
    Participant(
        "LanceDB IVF_HNSW_SQ", "lance_table", "lancedb", ((1, 1), (1, 5), (5, 5), (20, 10)), (1, 5), "hnsw", loads=1
    ),
    Participant("Chroma", "chroma_collection", "chromadb", (10, 50, 100, 300), 100, loads=2),
    Participant("Qdrant local", "qdrant_collection", "qdrant_client", (None,), None, loads=1),
)


def main() -> None:
    unbuffered()
    parser = argparse.ArgumentParser(prog="bench/run.py clients", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, help=f"rows to load (default {_ROWS:,})")
    parser.add_argument("--only", help="databases, comma-separated; `http` is the part on the stack; default: all")
    parser.add_argument("--quick", action="store_true", help="few rows and runs: a test that everything works")
    options = parser.parse_args()
    rows = options.rows or (_QUICK_ROWS if options.quick else _ROWS)
    only = options.only.split(",") if options.only else None
    table(("fact", "value"), [*machine(), ("databases", ", ".join(_versions()))])
    with scratch_folder() as folder:
        chosen = [one for one in PARTICIPANTS if find_spec(one.library) and (only is None or one.name in only)]
        if chosen:
            _embedded(folder, chosen, rows, quick=options.quick)
        if only is None or "http" in only:
            over_http.study(folder, rows, quick=options.quick)


def _versions() -> Iterator[str]:
    for name in ("lancedb", "chromadb", "qdrant-client", "pyarrow"):
        if find_spec(name.replace("-", "_")):
            yield f"{name} {version(name)}"


def _embedded(folder: Path, chosen: Sequence[Participant], rows: int, *, quick: bool) -> None:
    queries, firsts = (_QUICK_QUERIES, _QUICK_FIRSTS) if quick else (_QUERIES, _FIRSTS)
    with step("data", f"{rows:,} rows and their true neighbours") as done:
        data = vectors(None, rows, queries, 1)
        np.save(folder / "rows.npy", data.base)
        np.save(folder / "queries.npy", data.queries)
        done.note = data.about

    def recall(query: int, found: Sequence[int]) -> float:
        return data.true.recall(data.base, query, np.array(found, np.int64))

    session, found = Session(folder, data.queries, recall), [Measured(one) for one in chosen]
    with step("loads", "and builds, in turn"):
        session.loads(found)
    with step("first", "searches of new processes, in turn"):
        session.firsts(found, firsts)
    with step("warm", "searches, in alternating blocks"):
        session.warm(found)
    _show(found, rows)


def _show(found: Sequence[Measured], rows: int) -> None:
    table(
        ("load", "rows/s", "s until searchable", "s until on the disk too", "added MB of memory", "MB on disk"),
        [_load_row(each, rows) for each in found],
    )
    table(("index", "s until built", "added MB of memory", "MB on disk"), [_build_row(each) for each in found])
    p50 = [f"p50 ms at recall ≥ {recall}" for recall in _RECALLS]
    table(("search", "first of a process, s", *p50), [_search_row(each) for each in found])
    efforts = [
        [each.participant.name, f"{point.effort}", f"{point.recall:.3f}", f"{point.p50:.2f}", f"{point.p99:.2f}"]
        for each in found
        for point in each.points
    ]
    table(("effort", "value", "recall@10", "p50 ms", "p99 ms"), efforts)
    _show_ratios(found, rows)


def _load_row(each: Measured, rows: int) -> list[str]:
    return [
        each.participant.name,
        f"{rows / each.load_seconds:,.0f}",
        f"{each.searchable_seconds:.2f}",
        f"{each.durable_seconds:.2f}",
        f"{each.load_peak / 1e6:,.0f}",
        f"{each.load_bytes / 1e6:,.0f}",
    ]


def _build_row(each: Measured) -> list[str]:
    if each.build is None:
        return [each.participant.name, "-", "-", "-"]
    built = each.build
    return [each.participant.name, f"{built.seconds:.1f}", f"{built.peak / 1e6:,.0f}", f"{built.bytes / 1e6:,.0f}"]


def _search_row(each: Measured) -> list[str]:
    p50 = [f"{each.p50_at(recall):.2f}" for recall in _RECALLS]
    return [each.participant.name, f"{each.first_seconds:.2f}", *p50]


def _show_ratios(found: Sequence[Measured], rows: int) -> None:
    """Print each figure of vectord beside that of the best of the others."""
    ours = [each for each in found if each.participant is OURS]
    peers = [each for each in found if each.participant is not OURS]
    if not ours or not peers:
        return
    shown = []
    for name, of in _FIGURES.items():
        mine, best = of(ours[0]), min(peers, key=of)
        shown.append([name, f"{mine:.3f}", f"{of(best):.3f}", best.participant.name, f"{mine / of(best):.2f}"])
    table((f"{rows:,} rows", "vectord", "best peer", "which", "ratio"), shown)


_FIGURES: Final[Mapping[str, Callable[[Measured], float]]] = {
    "s to load": lambda each: each.load_seconds,
    "s until searchable": lambda each: each.searchable_seconds,
    "s until on the disk too": lambda each: each.durable_seconds,
    "s of the first search of a process": lambda each: each.first_seconds,
    "p50 ms at recall ≥ 0.95": lambda each: each.p50_at(0.95),
    "p50 ms at recall ≥ 0.99": lambda each: each.p50_at(0.99),
}


if __name__ == "__main__":
    main()
