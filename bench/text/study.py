"""Measure searches by words: `python bench/run.py text [--quick] [--million] [--folder FOLDER]`.

vectord beside tantivy, SQLite FTS5, LanceDB and bm25s with the same passages and the same queries; what texts cost in
vectord, each figure with its limit; and the quality of hybrid search on public collections with judgments. These and
their vectors are kept in FOLDER, which is outside the work tree: the first run fetches and embeds them, for minutes.
"""

import argparse
import datetime
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.data import mixture
from bench.measure import machine
from bench.peers.results import DOCS
from bench.peers.session import unbuffered
from bench.text import beside, cold, corpus, costs, exact, indexes, page, quality
from bench.text.corpus import Corpus
from bench.text.figures import RESULTS, Check, TextStudy, write
from bench.text.oracle import Oracle
from tools.command.console import step
from tools.command.run import run_tool
from vectord.index.codec import decode

FOLDER: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vectord" / "bench-text"
_MILLION: Final = 1_000_000
_DIMENSION: Final = 384


@dataclass(frozen=True)
class Sizes:
    """How many passages are searched, and how many queries are asked in each part."""

    passages: int = 100_000
    queries: int = 700  # against the oracle, and warm
    changed: int = 500  # against an index that was just built
    cold: int = 200


_QUICK: Final = Sizes(passages=600, queries=30, changed=20, cold=3)


def main() -> int:
    unbuffered()
    parser = argparse.ArgumentParser(prog="bench/run.py text", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--passages", type=int, help=f"passages to search (default {Sizes.passages:,})")
    parser.add_argument("--million", action="store_true", help="also build and search a million passages (3 minutes)")
    parser.add_argument("--quick", action="store_true", help="few passages, no judged collections: does it work?")
    parser.add_argument(
        "--alone", action="store_true", help="without the libraries; leaves docs/benchmark.md unchanged"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"where fetched files are kept (default {FOLDER})")
    parser.add_argument("--results", type=Path, default=RESULTS, help="JSON file for the figures")
    options = parser.parse_args()
    if options.passages is not None and options.passages < _QUICK.passages:
        parser.error(f"--passages must be at least {_QUICK.passages}")
    if options.quick and options.results == RESULTS:
        options.results = RESULTS.with_name("text-quick.json")
    return run_tool(lambda scratch: _measure(options, scratch))


def _measure(options: argparse.Namespace, scratch: Path) -> None:
    sizes = _QUICK if options.quick else Sizes(passages=options.passages or Sizes.passages)
    with step("passages", f"{sizes.passages:,}") as progress:
        texts = corpus.corpus(sizes.passages)
        queries = corpus.queries(texts.passages, sizes.queries)
        progress.note = f"{texts.about}: {texts.bytes / 1e6:.1f} MB, checksum {texts.checksum}"
    facts = {**dict(machine()), "libraries": beside.versions()}
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    about = f"{texts.about}, checksum {texts.checksum}"
    found = TextStudy(date, facts, about, sizes.passages, texts.bytes, sizes.queries)
    with step("oracle", "BM25 in float64 by code of its own"):
        oracle = Oracle(texts.passages, queries)
    if not options.alone:
        chosen = [each for each in beside.PARTICIPANTS if not (options.quick and each.is_slow)]
        found.libraries, missing = beside.measure(scratch, texts, queries, oracle, chosen)
        found.notes += [f"Left out: {reason}." for reason in missing]
    found.checks = _alone(texts, queries, oracle, sizes, scratch)
    if options.million:
        found.checks += _million(queries)
    if not options.quick:
        found.qualities, notes = quality.measure(options.folder)
        found.notes += notes
    write(found, options.results)
    page.show(found)
    if not (options.quick or options.alone or options.passages):
        _publish(found)


def _alone(texts: Corpus, queries: list[str], oracle: Oracle, sizes: Sizes, scratch: Path) -> list[Check]:
    """Return the figures of vectord alone."""
    small = indexes.passages(texts.passages)
    vectors = mixture(len(texts.passages) + sizes.cold, _DIMENSION)
    with step("build", f"{len(texts.passages):,} rows of {_DIMENSION} with texts, and without"):
        blob, checks = costs.build(indexes.passages(texts.passages, vectors[: len(texts.passages)]))
    with step("warm", "searches by words with everything in memory"):
        index = decode.open_blob(blob)
        checks += [costs.section(blob, texts), *costs.warm(index, queries)]
    with step("oracle", f"{len(queries)} queries against it"):
        checks.append(exact.against_oracle(index, queries, oracle))
    with step("changed", "adds and removals, against an index that was just built"):
        checks.append(exact.against_fresh(small, queries[: sizes.changed]))
    with step("cold", f"{sizes.cold} queries by words, by a vector, and by both"):
        checks += cold.measure(blob, queries[: sizes.cold], vectors[len(texts.passages) :], scratch)
    with step("add", "of 100 passages, with texts and without"):
        checks += costs.add(texts.passages, vectors)
    with step("imports", "of a process whose index has no texts"):
        checks.append(costs.imports())
    return checks


def _million(queries: list[str]) -> list[Check]:
    with step("million", f"{_MILLION:,} passages") as progress:
        texts = corpus.corpus(_MILLION)
        progress.note = texts.about
        blob = indexes.built(indexes.passages(texts.passages))
        return [costs.section(blob, texts), *costs.warm(decode.open_blob(blob), queries, is_million=True)]


def _publish(found: TextStudy) -> None:
    try:
        from bench.text import plot  # noqa: PLC0415  matplotlib may not be installed
    except ModuleNotFoundError as missing:
        print(f"  no plot: {missing.name} is not installed")
        return
    plot.draw(found, DOCS)
    page.publish(found)
    print("  docs/benchmark.md and its picture have these figures now")


if __name__ == "__main__":
    raise SystemExit(main())
