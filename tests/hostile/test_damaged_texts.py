"""Damaged texts in the store: a search by words, by both, or with a filter on words refuses them, or is right."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import hostile as h
from tests.support.services import FOREVER
from vectord.errors import BlobError
from vectord.index.query.query import Query, TextSearch
from vectord.service.service import Service

GOLDEN = Path(__file__).parents[1] / "golden/v2"
NAMES = ["texts", "texts-plain"]
SAMPLE = 60  # offsets of each section of texts; the seed is fixed, so a failure can be repeated
VECTOR = np.ones(5, np.float32)
WORDS = TextSearch("fox haus word1", {"body": 1.0, "of.title": 2.0})
SEARCHES: dict[str, Query] = {
    "words": Query(50, text=WORDS),
    "all words": Query(50, text=TextSearch("quick fox", match="all", prefix=True)),
    "hybrid": Query(50, (VECTOR,), text=WORDS, recall=1.0),
    "filter": Query(50, (VECTOR,), filter='{"body": {"$match_any": "fox 東京"}}', recall=1.0),
    "phrase": Query(50, (VECTOR,), filter='{"body": {"$phrase": "quick brown fox"}}', recall=1.0),
}

every_blob = pytest.mark.parametrize("name", NAMES)


def _search(query: Query) -> Callable[[Service, Any], Any]:
    def search(service: Service, _: Any) -> Any:
        matches = service.search(h.NAME, query, FOREVER).answer.matches
        return [(match.id, match.distance, match.relevance, match.score) for match in matches]

    return search


USES = {name: _search(query) for name, query in SEARCHES.items()}
PROBE = h.Probe(5, "row-01 é")


def _read(name: str) -> h.Blob:
    return h.take_apart((GOLDEN / f"{name}.lhv1").read_bytes())


def _damaged(section: h.Section, name: str) -> list[bytes]:
    """Return the section with one altered byte at each of some offsets."""
    dice = random.Random(f"{name}/{section.name}")
    offsets = dice.sample(range(len(section.data)), min(SAMPLE, len(section.data)))
    changed = []
    for at in sorted({0, 8, 12, *offsets}):
        flip = dice.choice((0x01, 0x20, 0x80, 0xFF))
        changed.append(section.data[:at] + bytes([section.data[at] ^ flip]) + section.data[at + 1 :])
    return changed


@every_blob
def test_searches_of_the_undamaged_blob_find_something(name: str) -> None:
    for use, found in h.outcomes(_read(name).data, PROBE, USES).items():
        assert found, use
        assert not isinstance(found, BlobError), use


@every_blob
@pytest.mark.slow
def test_every_search_refuses_an_altered_byte_of_texts(name: str) -> None:
    blob = _read(name)
    accepted = []
    for number, section in enumerate(blob.sections):
        for data in _damaged(section, name) if "text" in section.name else []:
            correct = h.Section(section.name, section.data).entry["crc32"]
            damaged = [*blob.sections]
            damaged[number] = h.Section(section.name, data, {"id": "other", "crc32": correct})
            outcomes = h.outcomes(h.Blob(blob.envelope, damaged).data, PROBE, USES)
            accepted += [(number, use) for use, found in outcomes.items() if not isinstance(found, BlobError)]
    assert accepted == []


@every_blob
@pytest.mark.slow
def test_a_search_of_texts_with_a_forged_checksum_is_refused_or_right(name: str) -> None:
    """The envelope's checksum fits the altered section, so only the checksums inside the section can show it."""
    blob = _read(name)
    right = h.outcomes(blob.data, PROBE, USES)
    wrong, refused = [], 0
    for number, section in enumerate(blob.sections):
        for data in _damaged(section, name) if "text" in section.name else []:
            damaged = [*blob.sections]
            damaged[number] = h.Section(section.name, data, {"id": "other"})
            for use, found in h.outcomes(h.Blob(blob.envelope, damaged).data, PROBE, USES).items():
                if isinstance(found, BlobError):
                    refused += 1
                elif found != right[use]:
                    wrong.append((number, use))
    assert wrong == []
    assert refused > SAMPLE


@pytest.mark.parametrize(
    "keys",
    [
        {"fronts": [1, 2, 3]},
        {"fronts": [2**40, 2**40, 2**40]},
        {"fields": {"body": {}}},
        {"fields": {"body": {}, "of.title": {}, "tags": {}, "more": {}}},
    ],
    ids=["short fronts", "fronts longer than sections", "fewer fields", "more fields"],
)
def test_a_search_by_words_refuses_a_forged_key_of_texts(keys: dict[str, Any]) -> None:
    blob = _read("texts")
    forged = blob.with_keys(text={**blob.envelope["text"], **keys})
    in_body = {"words": _search(Query(50, text=TextSearch("fox", {"body": 1.0})))}
    for use, found in h.outcomes(forged.data, PROBE, in_body).items():
        assert isinstance(found, BlobError), use
