"""A search by words of an index of which nothing is cached reads little, in few rounds; a hybrid one shares rounds."""

from collections.abc import Callable
from random import Random

import msgspec
import pytest
from msgspec import structs

from tests.support import datasets
from tests.support import vectors as v
from tests.support.sections import PACKED, PackedIndex, cold
from tests.support.sparse_vectors import body, search_for
from vectord.index import mutations
from vectord.index.query.query import Match, Query, TextSearch
from vectord.index.query.search import search_many
from vectord.index.query.text import hybrid, search
from vectord.index.rows import Item
from vectord.index.sections.graph import exact_scan_is_cheap
from vectord.lhv1.text_fields import SPARSE, TextField
from vectord.lhv1.text_layout import SMALL

ROWS, DIMENSION = 6_000, 256
WORDS = TextSearch("w40 w700 w2")

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("early_strategies")]  # a large index


def items(count: int, seed: int, prefix: str) -> list[Item]:
    random, vectors = Random(seed), datasets.decaying(count, DIMENSION, seed)
    weights = [1 / number for number in range(1, 3_001)]
    texts = (" ".join(random.choices([f"w{n}" for n in range(3_000)], weights, k=30)) for _ in range(count))
    return [
        v.item(f"{prefix}{n:05}", vector, {"body": text})
        for n, (vector, text) in enumerate(zip(vectors, texts, strict=True))
    ]


@pytest.fixture(scope="module")
def packed(early_strategies: None) -> PackedIndex:
    assert not exact_scan_is_cheap(ROWS, DIMENSION)
    index = v.empty(DIMENSION, m=4, text={"body": TextField(None)})
    found = PackedIndex(mutations.upsert(index, items(ROWS, 1, "r"))[0], PACKED)
    found.add(*items(80, 2, "s"))
    found.remove("r00005", "s00009")
    assert [text.section.size > SMALL for text in found.index.texts] == [True, False]
    return found


def without_vectors(matches: list[Match]) -> list[Match]:
    return [structs.replace(match, vector=None) for match in matches]


@pytest.mark.parametrize("include_vectors", [False, True])
@pytest.mark.parametrize("text", [WORDS, TextSearch("w700 w2", match="all"), TextSearch("w40 w1", prefix=True)])
def test_words_are_read_in_two_rounds_and_the_matches_in_a_third(
    packed: PackedIndex, text: TextSearch, include_vectors: bool
) -> None:
    index, fetch = cold(packed.blob)
    query = Query(10, text=text, include_vectors=include_vectors)
    answer, warm = search.search(index, query), search.search(packed.index, query)
    assert without_vectors(answer.matches) == without_vectors(warm.matches)
    for found, expected in zip(answer.matches, warm.matches, strict=True):
        assert (found.vector is None) == (not include_vectors)
        assert found.vector is None or expected.vector is None or found.vector.tolist() == expected.vector.tolist()
    assert (answer.plan, warm.plan) == ("ranges", "local")
    assert len(fetch.rounds) <= 3
    assert fetch.bytes < 300_000 < index.size / 20


def of_other_blocks(samples: bytes) -> bytes:
    """Return samples by which every term is in the first or the last block."""
    runs = int.from_bytes(samples[:4], "little")
    first, last = samples[4:8], samples[4 * runs : 4 * runs + 4]
    return b"".join([(2).to_bytes(4, "little"), first, last, b"\0\x01\xff"])


@pytest.mark.parametrize("changed", [lambda _: b"", of_other_blocks], ids=["none", "of other blocks"])
def test_samples_change_nothing_but_the_bytes_and_rounds(
    packed: PackedIndex, changed: Callable[[bytes], bytes]
) -> None:
    index, fetch = cold(packed.blob)
    assert index.base
    assert index.base.text
    text = structs.replace(index.base.text, samples=changed(index.base.text.samples))
    query = Query(10, text=WORDS, include_vectors=False)
    answer = search.search(structs.replace(index, base=structs.replace(index.base, text=text)), query)
    assert answer.matches == search.search(packed.index, query).matches
    assert len(fetch.rounds) == 4


def test_a_commit_keeps_the_samples_of_the_sections_that_it_copies(packed: PackedIndex) -> None:
    index, shape = packed.index, packed.envelope.text
    assert index.base
    assert index.base.text
    assert shape
    assert index.base.text.samples
    assert shape.samples == (b"", index.base.text.samples)


def test_a_hybrid_search_takes_one_round_more_than_the_search_by_vector(packed: PackedIndex) -> None:
    target = datasets.decaying(1, DIMENSION, 9)[0]
    query = Query(10, (target,), text=WORDS, include_vectors=False)
    index, of_vector = cold(packed.blob)
    search_many(index, structs.replace(query, text=None, k=query.fusion.candidates))
    index, of_both = cold(packed.blob)
    answer, warm = hybrid.search(index, query), hybrid.search(packed.index, query)
    assert (answer.strategy, answer.plan, warm.strategy) == ("partitions", "ranges", "exact")
    assert len(of_both.rounds) <= len(of_vector.rounds) + 1
    assert of_both.bytes <= of_vector.bytes + 100_000
    by_id = {match.id: match for match in warm.matches}
    found = [match for match in answer.matches if match.id in by_id]
    assert len(found) >= 9
    for match in found:
        expected = by_id[match.id]
        assert (match.distance, match.relevance) == (expected.distance, expected.relevance)


def test_a_second_search_reads_only_what_is_new(packed: PackedIndex) -> None:
    index, fetch = cold(packed.blob)
    query = Query(10, text=WORDS, include_vectors=False)
    first = search.search(index, query)
    rounds = len(fetch.rounds)
    assert search.search(index, query).matches == first.matches
    assert len(fetch.rounds) == rounds
    search.search(index, structs.replace(query, text=TextSearch("w41 w699")))
    assert len(fetch.rounds) <= rounds + 3  # the front is there, so the directory leads to blocks


@pytest.fixture(scope="module")
def with_sparse(early_strategies: None) -> PackedIndex:
    random, rows = Random(5), items(ROWS, 1, "r")
    fields = {"body": TextField(None), "splade": SPARSE}
    found = []
    for row in rows:
        assert row.metadata is not None
        sparse = {random.randrange(2_000): round(random.random(), 3) + 0.1 for _ in range(30)}
        metadata = {**msgspec.json.decode(row.metadata), "splade": body(sparse)}
        found.append(v.item(row.id, row.vector, metadata))
    return PackedIndex(mutations.upsert(v.empty(DIMENSION, m=4, text=fields), found)[0], PACKED)


@pytest.mark.parametrize("by_vector", [False, True])
def test_words_and_a_sparse_vector_are_read_in_the_rounds_of_the_words_alone(
    with_sparse: PackedIndex, by_vector: bool
) -> None:
    near = (datasets.decaying(1, DIMENSION, 9)[0],) if by_vector else ()
    sparse = search_for(dict.fromkeys(range(0, 2_000, 200), 1.0))
    query = Query(10, near, text=WORDS, sparse=sparse, include_vectors=False)
    index, of_all = cold(with_sparse.blob)
    answer, warm = hybrid.search(index, query), hybrid.search(with_sparse.index, query)
    index, of_words = cold(with_sparse.blob)
    one = structs.replace(query, sparse=None)
    hybrid.search(index, one) if by_vector else search.search(index, one)
    assert len(of_all.rounds) <= len(of_words.rounds) + 1
    assert of_all.bytes <= of_words.bytes + 250_000
    assert (answer.plan, len({m.id for m in answer.matches} & {m.id for m in warm.matches})) >= ("ranges", 9)
    if not by_vector:
        assert answer.matches == warm.matches
