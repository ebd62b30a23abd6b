"""Damaged texts and sparse vectors in the store: searches and filters refuse them, or are right."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import hostile as h
from tests.support.sections import cold
from tests.support.services import FOREVER
from vectord.errors import BlobCorrupt, BlobError
from vectord.index.query.query import Query, SparseSearch, TextSearch
from vectord.index.query.text.search import search
from vectord.service.service import Service

GOLDEN = Path(__file__).parents[1] / "golden/v2"
NAMES = ["texts", "texts-plain", "sparse", "sparse-plain"]
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

SPARSE = SparseSearch("splade", (1, 2, 300, 2**32 - 12), (0.5, -1.0, 2.0, 1e3))
SPARSE_SEARCHES: dict[str, Query] = {
    "sparse": Query(50, sparse=SPARSE),
    "second": Query(50, sparse=SparseSearch("of.second", (7,), (1.0,))),
    "hybrid": Query(50, (VECTOR,), sparse=SPARSE, recall=1.0),
    "words": Query(50, text=TextSearch("fox haus")),
    "filter": Query(50, (VECTOR,), filter='{"splade.indices": 300}', recall=1.0),
}

every_blob = pytest.mark.parametrize("name", NAMES)


def _search(query: Query) -> Callable[[Service, Any], Any]:
    def use(service: Service, _: Any) -> Any:
        matches = service.search(h.NAME, query, FOREVER).answer.matches
        return [(match.id, match.distance, match.relevance, match.score) for match in matches]

    return use


def _uses(name: str) -> dict[str, Callable[[Service, Any], Any]]:
    searches = SPARSE_SEARCHES if "sparse" in name else SEARCHES
    return {use: _search(query) for use, query in searches.items()}


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
    for use, found in h.outcomes(_read(name).data, PROBE, _uses(name)).items():
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
            outcomes = h.outcomes(h.Blob(blob.envelope, damaged).data, PROBE, _uses(name))
            accepted += [(number, use) for use, found in outcomes.items() if not isinstance(found, BlobError)]
    assert accepted == []


@every_blob
@pytest.mark.slow
def test_a_search_of_texts_with_a_forged_checksum_is_refused_or_right(name: str) -> None:
    """The envelope's checksum fits the altered section, so only the checksums inside the section can show it."""
    blob = _read(name)
    right = h.outcomes(blob.data, PROBE, _uses(name))
    wrong, refused = [], 0
    for number, section in enumerate(blob.sections):
        for data in _damaged(section, name) if "text" in section.name else []:
            damaged = [*blob.sections]
            damaged[number] = h.Section(section.name, data, {"id": "other"})
            for use, found in h.outcomes(h.Blob(blob.envelope, damaged).data, PROBE, _uses(name)).items():
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


@pytest.mark.parametrize(
    ("samples", "refused"),
    [
        (["", ""], False),
        (["", "AQAAAAAAAQAAAQAAAAA="], True),
        (["", "////////"], True),
        (["AAAAAAAAAAA=", "AAAAAAAAAAA="], False),
        ([""], True),
    ],
    ids=["none", "blocks outside the section", "more than bytes", "of fields without terms", "of fewer sections"],
)
@pytest.mark.parametrize(
    "text", [TextSearch("fox haus t7"), TextSearch("word00", prefix=True)], ids=["words", "prefix"]
)
def test_forged_samples_are_refused_or_change_no_answer(text: TextSearch, samples: list[str], refused: bool) -> None:
    blob, query = _read("text-samples"), Query(50, text=text, include_vectors=False)
    forged = blob.with_keys(text={**blob.envelope["text"], "samples": samples})
    right = search(cold(blob.data)[0], query).matches
    assert right
    if not refused:
        assert search(cold(forged.data)[0], query).matches == right
        return
    with pytest.raises(BlobCorrupt, match="samples"):
        search(cold(forged.data)[0], query)


@pytest.mark.parametrize(
    "fields",
    [
        {"body": {}, "of.second": {}, "splade": {}},
        {"body": {"sparse": True, "language": None, "stopwords": False}, "of.second": {}, "splade": {}},
    ],
    ids=["texts only", "other fields"],
)
def test_a_search_refuses_forged_fields_of_sparse_vectors(fields: dict[str, Any]) -> None:
    blob = _read("sparse")
    params = {**blob.envelope["params"], "text": fields}
    forged = blob.with_keys(text={**blob.envelope["text"], "fields": fields}, params=params)
    name = "words" if not fields["body"] else "sparse"
    query = Query(50, text=TextSearch("fox")) if name == "words" else Query(50, sparse=_of_body())
    for use, found in h.outcomes(forged.data, PROBE, {name: _search(query)}).items():
        assert isinstance(found, BlobError), use


def _of_body() -> SparseSearch:
    return SparseSearch("body", (1,), (1.0,))
