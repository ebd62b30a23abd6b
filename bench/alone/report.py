"""Measure and print build, size, decoding, warm search, add, ingestion and imports for two data sets."""

import argparse
import time
from collections.abc import Mapping

from bench.alone import blob, imports, ingest, search, service
from bench.alone.search import ANNOY, BASE64, ENGINE, JSON, SCAN, Searches
from bench.data import Dataset, demo, synthetic, truth
from bench.measure import machine
from tools.command.console import step, table

_ROWS = 100_000
_LEAST = 1_000
_SEARCHES = 1_000  # of each kind, or two rounds of the queries where those are more
_FEW = 20_000  # rows; smaller data sets are measured more often


def main() -> None:
    started = time.perf_counter()
    parser = argparse.ArgumentParser(prog="bench/run.py engine", description="Measure vectord and print the figures.")
    parser.add_argument("--rows", type=int, default=_ROWS, help=f"rows of the synthetic data set (default {_ROWS:,})")
    rows = parser.parse_args().rows
    if rows < _LEAST:
        parser.error(f"--rows must be at least {_LEAST:,}")
    _title("machine")
    table(("fact", "value"), machine())
    for data in (demo(), synthetic(rows)):
        _dataset(data)
    _imports()
    print(f"Done in {time.perf_counter() - started:.0f} s.")


def _dataset(data: Dataset) -> None:
    few = len(data.rows) <= _FEW
    _title(f"{data.name}: {data.shape}, cosine ({data.about})")
    with step("build", "rows to blob, and its sections"):
        built = blob.build(data, 5 if few else 2)
    with step("decode", "blob to index"):
        decoded = blob.decode_times(built.blob, 20 if few else 5)
    with step("truth", "true neighbours, by a float64 scan"):
        true = truth(data.rows.vectors, data.queries)
    with step("load", "the same rows through the service, into the memory store"):
        service.load(data)
    with step("search", "five ways alternating, without log lines"):
        searched = search.measure(data, built.blob, true, max(2, _SEARCHES // len(data.queries)))
    with step("add", f"{service.ADDED} new rows through the service"):
        added = service.add(data, 3 if few else 1)
    with step("ingest", "files of these rows, each in a new process"):
        ingested = ingest.measure(data)
    _figures(data, built, decoded, added)
    _searches(searched)
    _handlers(searched)
    _ingested(ingested, min(ingest.MOST, len(data.rows)))


def _figures(data: Dataset, built: blob.Built, decoded: blob.DecodeTimes, added: service.AddTime) -> None:
    raw, size = data.rows.vectors.size * 4, len(built.blob)
    rows = [
        ("build, rows to blob", _s(built.seconds), ""),
        ("blob", f"{size:14,} B", f"{size / raw:.3f} x the raw float32 ({raw:,} B)"),
        *((f"  {name}", f"{part:14,} B", f"{part / raw:.3f} x") for name, part in built.sections.items()),
        ("frame.decode", _s(decoded.decode), f"{size / decoded.decode / 1e9:.1f} GB/s"),
        ("open, decode included", _s(decoded.open), f"{size / decoded.open / 1e9:.1f} GB/s"),
        (f"add of {service.ADDED}", _s(added.seconds), f"{added.written:,} B: the object after it"),
        *(
            (f"calibration, {way}", "", ", ".join(f"{effort:,}: {recall:.3f}" for effort, recall in curve.items()))
            for way, curve in built.curves.items()
        ),
    ]
    table(("figure", "value", "note"), rows)


def _searches(found: Searches) -> None:
    engine_p50 = found.times[ENGINE].p50
    rows = [
        (
            name,
            f"{found.times[name].p50:7.3f}",
            f"{found.times[name].p99:7.3f}",
            f"{found.recall[name]:.4f}",
            f"{found.times[name].p50 / engine_p50:6.2f} x",
            found.strategy if name == ENGINE else "",
        )
        for name in (ENGINE, SCAN, ANNOY)
    ]
    table(("warm search, k = 10", "p50 ms", "p99 ms", "recall@10", "p50 / engine", "strategy"), rows)


def _handlers(found: Searches) -> None:
    base = found.times[ENGINE].p50
    limit = 1.5 * base + 1
    rows = [
        (
            name,
            f"{times.p50:7.3f}",
            f"{times.p99:7.3f}",
            f"{times.p50 - base:+7.3f}",
            f"{limit:7.3f}",
            "yes" if times.p50 <= limit else "NO",
        )
        for name, times in ((name, found.times[name]) for name in (JSON, BASE64))
    ]
    table(("event to response", "p50 ms", "p99 ms", "over engine", "1.5 x engine + 1", "within"), rows)


def _ingested(found: Mapping[str, ingest.Ingested], rows: int) -> None:
    lines = [
        (
            kind,
            f"{one.size:14,}",
            f"{rows / one.parse:12,.0f}",
            f"{one.parse:8.3f}",
            f"{one.build:8.3f}",
            f"{one.parse / one.build:6.2f} x",
            f"{one.peak / 2**20:8.0f}",
        )
        for kind, one in found.items()
    ]
    table((f"file of {rows:,}", "bytes", "vectors/s", "parse s", "build s", "parse / build", "peak MiB"), lines)


def _imports() -> None:
    _title("import: CPU seconds in a new interpreter, with bytecode")
    with step("import", "each handler and the baseline, alternating"):
        seconds = imports.measure()
    base = seconds[imports.BASELINE]
    table(
        ("import", "CPU s", "of baseline"),
        [(name, f"{taken:.3f}", f"{taken / base:.2f} x") for name, taken in seconds.items()],
    )


def _title(text: str) -> None:
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def _s(seconds: float) -> str:
    return f"{seconds:14.4f} s"


if __name__ == "__main__":
    main()
