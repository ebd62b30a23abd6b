"""vectord beside the libraries: builds one after the other, then searches in alternating blocks."""

import json
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.measure import Times
from bench.peers.process import Child, ChildFailed, child
from bench.text.corpus import Corpus
from bench.text.figures import LibraryFigures
from bench.text.libraries.library import K
from bench.text.oracle import Oracle
from tools.command.console import step

_BLOCK: Final = 20  # consecutive searches of one library
_CHILD_SECONDS: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class Participant:
    """A library: the module of its adapter, what must be installed, and whether its import takes long."""

    name: str
    module: str
    needs: str
    is_slow: bool = False

    @property
    def is_ours(self) -> bool:
        return self is OURS


OURS: Final = Participant("vectord", "vectord_section", "Stemmer")
PARTICIPANTS: Final = (
    OURS,
    Participant("tantivy", "tantivy_index", "tantivy"),
    Participant("SQLite FTS5", "sqlite_table", "sqlite3"),
    Participant("LanceDB FTS", "lance_text", "lancedb", is_slow=True),
    Participant("bm25s", "bm25s_index", "bm25s"),
)


def versions() -> str:
    """Return the versions of the libraries that are installed."""
    import sqlite3  # noqa: PLC0415

    found = [f"{name} {version(name)}" for name in ("tantivy", "lancedb", "bm25s", "pystemmer") if _has(name)]
    return ", ".join([*found, f"SQLite {sqlite3.sqlite_version}"])


def _has(name: str) -> bool:
    return find_spec("Stemmer" if name == "pystemmer" else name) is not None


def measure(
    folder: Path, corpus: Corpus, queries: Sequence[str], oracle: Oracle, participants: Sequence[Participant]
) -> tuple[list[LibraryFigures], list[str]]:
    """Return the figures of each library, and what was left out and why."""
    files = {"passages": folder / "passages.json", "queries": folder / "queries.json"}
    files["passages"].write_text(json.dumps(corpus.passages), encoding="utf-8")
    files["queries"].write_text(json.dumps(queries), encoding="utf-8")
    running: list[_Running] = []
    missing: list[str] = []
    with ExitStack() as stack:
        for each in participants:
            if not find_spec(each.needs):
                missing.append(f"{each.name} is not installed")
                continue
            try:
                running.append(_started(stack, each, folder, files))
            except ChildFailed as failed:
                missing.append(f"{each.name} failed: {str(failed).splitlines()[-1]}")
        with step("warm", f"{len(queries)} queries, in alternating blocks"):
            _search(running, len(queries))
    best = [{row for row, _ in oracle.best(query, K)} for query in queries]
    return [one.figures(corpus.bytes, best) for one in running], missing


class _Running:
    """The process of a library that has built its index."""

    def __init__(self, participant: Participant, process: Child, built: dict[str, Any]) -> None:
        self.participant, self.process, self._built = participant, process, built
        self.ns: list[int] = []
        self.found: list[list[int]] = []

    def search(self, start: int, stop: int) -> None:
        self.process.send(start=start, stop=stop)
        block = self.process.receive("block").facts
        self.ns += block["ns"]
        self.found += block["found"]

    def figures(self, text_bytes: int, best: Sequence[set[int]]) -> LibraryFigures:
        times = Times(np.array(self.ns) / 1e6)
        overlaps = [
            len(truth.intersection(rows)) / min(K, len(truth)) for truth, rows in zip(best, self.found, strict=True)
        ]
        return LibraryFigures(
            self.participant.name,
            self.participant.is_ours,
            self._built["cpu"],
            self._built["wall"],
            self._built["bytes"] / text_bytes,
            times.p50,
            times.p99,
            float(np.mean(overlaps)),
        )


def _started(stack: ExitStack, participant: Participant, folder: Path, files: dict[str, Path]) -> _Running:
    home = folder / participant.module
    home.mkdir()
    job = {"module": participant.module, "folder": str(home), "most_seconds": _CHILD_SECONDS}
    job |= {name: str(path) for name, path in files.items()}
    with step("build", participant.name) as progress:
        process = stack.enter_context(child(job, folder, module="bench.text.child"))
        built = process.receive("built").facts
        process.receive("ready")
        progress.note = f"{built['cpu']:.1f} s of CPU"
    return _Running(participant, process, built)


def _search(running: Sequence[_Running], queries: int) -> None:
    order = deque(running)
    for start in range(0, queries, _BLOCK):
        for one in order:
            one.search(start, min(queries, start + _BLOCK))
        order.rotate(1)
    for one in running:
        one.process.finish()
        one.process.receive("end")
