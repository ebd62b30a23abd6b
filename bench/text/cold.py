"""Cold searches: what a new process with an empty cache reads of an index in S3, by words, by a vector, and by both."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from bench.text import indexes, recording
from bench.text.figures import Check
from bench.text.libraries.library import K
from bench.text.recording import RecordingStore, Traffic
from vectord.cache.section_cache import SectionCache
from vectord.index.kernels.distance import F32
from vectord.index.query.query import Query, Result, TextSearch
from vectord.lhv1.section_names import TEXT
from vectord.service.service import Service
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline
from vectord.storage.base import IfAbsent, Store

_REQUESTS, _KB, _ROUNDS = 9, 300, 3  # limits of what a search by words reads of the section of texts
_MORE_MB, _MORE_ROUNDS = 0.4, 1  # limits of what a hybrid search adds to that by a vector
_OVERLAP: Final = 0.95
_BYTES: Final = 1 << 30  # of each cache

type MakeQuery = Callable[[int], Query]


@dataclass(frozen=True, slots=True)
class Cold:
    """The result of a cold search, and what it read of each section."""

    result: Result
    read: dict[str, Traffic]

    @property
    def texts(self) -> Traffic:
        return self.read[TEXT]


def measure(blob: bytes, words: Sequence[str], vectors: F32, folder: Path) -> list[Check]:
    """Return the figures of cold searches for each text, and for the vector at the same place."""
    store = RecordingStore()
    store.put(indexes.NAME, blob, IfAbsent(), "0" * 32)
    places = recording.places(blob)
    kinds: dict[str, MakeQuery] = {
        "words": lambda at: Query(K, text=TextSearch(words[at]), include_vectors=False),
        "vector": lambda at: Query(K, (vectors[at],), include_vectors=False),
        "hybrid": lambda at: Query(K, (vectors[at],), text=TextSearch(words[at]), include_vectors=False),
    }

    def cold(query: Query) -> Cold:
        store.take()
        result = _service(store, folder).search(indexes.NAME, query, _deadline())
        rounds = store.take()
        return Cold(result, {name: recording.traffic(rounds, place) for name, place in places.items()})

    found = {name: [cold(make(at)) for at in range(len(words))] for name, make in kinds.items()}
    warm = _warm_results(store, folder, [kinds["hybrid"](at) for at in range(len(words))])
    return [*_by_words(found["words"]), *_hybrid(found["hybrid"], found["vector"], warm)]


def _by_words(found: Sequence[Cold]) -> list[Check]:
    """Return what searches read of the section of texts, and in all: the envelope and the documents of matches, too."""
    checks = []
    for name, of_texts, in_all, limit, unit in (
        ("requests", [each.texts.requests for each in found], [each.result.requests for each in found], _REQUESTS, ""),
        ("read", [_kb(each.texts.bytes) for each in found], [_kb(each.result.read_bytes) for each in found], _KB, "KB"),
        ("rounds", [each.texts.rounds for each in found], [each.result.rounds for each in found], _ROUNDS, ""),
    ):
        note = f"with the envelope and the documents {_p50(in_all):.0f} at p50, {_p99(in_all):.0f} at p99"
        checks.append(Check(f"cold search by words, {name} of the section, p50", _p50(of_texts), None, unit))
        checks.append(
            Check(f"cold search by words, {name} of the section, p99", _p99(of_texts), limit, unit, note=note)
        )
    return checks


def _hybrid(hybrid: Sequence[Cold], vector: Sequence[Cold], warm: Sequence[Result]) -> list[Check]:
    pairs = [(both.result, one.result) for both, one in zip(hybrid, vector, strict=True)]
    rounds = [both.rounds - one.rounds for both, one in pairs]
    mb = [(both.read_bytes - one.read_bytes) / 1e6 for both, one in pairs]
    overlaps = [_overlap(each.result, other) for each, other in zip(hybrid, warm, strict=True)]
    beside = f"{_p99([both.rounds for both, _ in pairs]):.0f} beside {_p99([one.rounds for _, one in pairs]):.0f}"
    requests = f"{_p50([both.requests for both, _ in pairs]):.0f} requests beside "
    requests += f"{_p50([one.requests for _, one in pairs]):.0f} at p50"
    return [
        Check("cold hybrid search, more rounds than by the vector, p99", _p99(rounds), _MORE_ROUNDS, note=beside),
        Check(
            "cold hybrid search, more read than by the vector, p50",
            _p50(mb),
            None,
            "MB",
            note=_sections(hybrid, vector),
        ),
        Check("cold hybrid search, more read than by the vector, p99", _p99(mb), _MORE_MB, "MB", note=requests),
        Check("cold hybrid search, overlap@10 with a warm one", float(np.mean(overlaps)), _OVERLAP, at_least=True),
    ]


def _sections(hybrid: Sequence[Cold], vector: Sequence[Cold]) -> str:
    """Return the mean KB that searches read of each section, beside those by the vector alone."""
    shown = []
    for name in hybrid[0].read:
        both, one = (float(np.mean([_kb(each.read[name].bytes) for each in some])) for some in (hybrid, vector))
        if both or one:
            shown.append(f"{name} {both:.0f} KB beside {one:.0f}")
    return ", ".join(shown)


def _kb(size: int) -> float:
    return size / 1e3


def _p50(values: Sequence[float]) -> float:
    return float(np.median(values))


def _p99(values: Sequence[float]) -> float:
    return float(np.percentile(values, 99, method="higher"))


def _overlap(one: Result, other: Result) -> float:
    found, true = ({match.id for match in result.answer.matches} for result in (one, other))
    return len(found & true) / len(true)


def _warm_results(store: Store, folder: Path, queries: Sequence[Query]) -> list[Result]:
    """Return the results of a service that has the whole index on its disk."""
    service = _service(store, folder)
    service.warm(indexes.NAME, _deadline())
    return [service.search(indexes.NAME, query, _deadline()) for query in queries]


def _service(store: Store, folder: Path) -> Service:
    """Return a service with an empty cache, as a new process has it."""
    environment = Environment()
    files = SectionCache(folder / f"sections-{environment.new_id()}", _BYTES)
    return Service(store, files, memory_bytes=_BYTES, environment=environment, retry_policy=RetryPolicy())


def _deadline() -> Deadline:
    return Deadline(time.monotonic() + 600)
