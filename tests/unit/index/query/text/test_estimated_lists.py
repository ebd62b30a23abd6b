"""Where vectors are read by ranges, a hybrid search reads few of its list by vector, and finds nearly the same."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from tests.support import datasets
from tests.support import vectors as v
from tests.support.sections import PACKED, PackedIndex, cold
from tests.support.vectors import F32
from vectord.deadline import no_deadline
from vectord.index import mutations
from vectord.index.kernels.distance import distances
from vectord.index.query.query import Answer, Query, TextSearch, key_of_seen
from vectord.index.query.text import hybrid, lists, nearest, search
from vectord.index.query.text.nearest import Nearest
from vectord.index.rows import Item, RowMask
from vectord.index.state import Index
from vectord.lhv1.text_fields import TextField

ROWS, DIMENSION, QUERIES = 6_000, 256, 12

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("early_strategies")]  # a large index


def words_of(vector: F32) -> str:
    """Return words for the components that are largest, so that near vectors have words in common."""
    largest = np.argsort(-np.abs(vector))[:12]
    return " ".join(f"{'p' if vector[at] > 0 else 'n'}{at}" for at in largest.tolist())


def items(vectors: F32, prefix: str) -> list[Item]:
    return [v.item(f"{prefix}{n:05}", each, {"body": words_of(each)}) for n, each in enumerate(vectors)]


@pytest.fixture(scope="module")
def drawn() -> tuple[F32, F32, F32]:
    """The vectors of the base and of the tail, and query vectors, all from one distribution."""
    vectors = datasets.decaying(ROWS + 600 + QUERIES, DIMENSION, 3)
    return vectors[:ROWS], vectors[ROWS:-QUERIES], vectors[-QUERIES:]


@pytest.fixture(scope="module")
def packed(early_strategies: None, drawn: tuple[F32, F32, F32]) -> PackedIndex:
    """An index with a tail whose codes are compared, and with removed rows."""
    index = v.empty(DIMENSION, m=4, text={"body": TextField(None)})
    found = PackedIndex(mutations.upsert(index, items(drawn[0], "r"))[0], PACKED)
    found.add(*items(drawn[1], "s"))
    found.remove(*(f"r{n:05}" for n in range(0, ROWS, 40)), "s00009")
    return found


@pytest.fixture(scope="module")
def queries(drawn: tuple[F32, F32, F32]) -> list[Query]:
    return [Query(10, (each,), text=TextSearch(words_of(each)), include_vectors=False) for each in drawn[2]]


def searched(packed: PackedIndex, query: Query, *, matching: RowMask | None = None) -> tuple[Answer, int, int]:
    """Search an index of which nothing is cached; return the answer, the rounds, and the bytes that were read."""
    index, fetch = cold(packed.blob)
    return hybrid.search(index, query, matching), len(fetch.rounds), fetch.bytes


def ids(answer: Answer) -> set[str]:
    return {match.id for match in answer.matches}


def share_found(answers: Sequence[Answer], expected: Sequence[Answer]) -> float:
    pairs = zip(answers, expected, strict=True)
    return float(np.mean([len(ids(found) & ids(true)) / len(true.matches) for found, true in pairs]))


def test_it_finds_the_matches_and_reads_a_part_of_the_bytes_of_exact_lists(
    packed: PackedIndex, queries: list[Query]
) -> None:
    found = [searched(packed, query) for query in queries]
    exact = [searched(packed, structs.replace(query, explain=True)) for query in queries]
    warm = [hybrid.search(packed.index, query) for query in queries]
    assert {answer.plan for answer, _, _ in found} == {"ranges"}
    share, share_of_exact = (share_found([answer for answer, _, _ in some], warm) for some in (found, exact))
    assert share >= max(0.9, share_of_exact - 0.05)
    assert sum(size for *_, size in found) < 0.5 * sum(size for *_, size in exact)
    assert max(rounds for _, rounds, _ in found) <= max(rounds for _, rounds, _ in exact)


def test_its_matches_have_their_exact_distances_and_relevances(packed: PackedIndex, queries: list[Query]) -> None:
    for query in queries:
        answer, _, _ = searched(packed, query)
        row_of = packed.index.find([match.id for match in answer.matches])
        vectors = packed.index.vectors_of([row_of[match.id] for match in answer.matches])
        expected = distances(vectors, None, query.vectors[0], "cosine").tolist()
        assert [match.distance for match in answer.matches] == expected
        by_words = search.search(packed.index, structs.replace(query, k=len(packed.index), vectors=()))
        relevance_of = {match.id: match.relevance for match in by_words.matches}
        assert [match.relevance for match in answer.matches] == [relevance_of.get(m.id, 0.0) for m in answer.matches]


def test_it_respects_a_filter(packed: PackedIndex, queries: list[Query]) -> None:
    every_third = np.arange(len(packed.index.live.base)) % 3 == 0
    live = packed.index.live
    mask = RowMask(live.base & every_third, live.tail & (np.arange(len(live.tail)) % 3 == 0), filtered=True)
    found = [searched(packed, query, matching=mask)[0] for query in queries]
    warm = [hybrid.search(packed.index, query, mask) for query in queries]
    allowed = set(packed.index.ids_of(mask.rows.tolist()))
    assert all(ids(answer) <= allowed for answer in found)
    assert share_found(found, warm) >= 0.9


def estimated(index: Index, query: Query, mask: RowMask | None = None) -> Nearest:
    return nearest.estimated(index, mask or index.live, query, no_deadline, read_ahead=False)


def test_the_list_has_most_of_the_nearest_rows_of_base_and_tail(packed: PackedIndex, queries: list[Query]) -> None:
    for query in queries:
        index, _ = cold(packed.blob)
        found = set(estimated(index, query).listed.rows.tolist())
        true = nearest.nearest(packed.index, packed.index.live, query, no_deadline, read_ahead=False).listed.rows
        of_tail = set(true[true >= packed.index.base_rows].tolist())
        assert len(found & set(true.tolist())) >= 0.7 * len(true)
        assert len(found & of_tail) >= 0.8 * len(of_tail) > 0


def test_the_list_has_no_row_that_a_filter_hides(packed: PackedIndex, queries: list[Query]) -> None:
    index, _ = cold(packed.blob)
    live = index.live
    odd = RowMask(
        live.base & (np.arange(len(live.base)) % 2 == 1), live.tail & (np.arange(len(live.tail)) % 2 == 1), True
    )
    assert set(estimated(index, queries[0], odd).listed.rows.tolist()) <= set(odd.rows.tolist())


def test_partitions_near_the_query_whose_codes_were_not_read_are_known(
    packed: PackedIndex, queries: list[Query]
) -> None:
    index, _ = cold(packed.blob)
    unread = estimated(index, queries[0]).unread
    assert unread is not None
    assert index.base
    assert index.base.parts
    partitions = np.flatnonzero(unread.partitions)
    assert len(partitions) > 0
    ranges = index.base.parts.code_ranges(partitions)
    assert all(index.base.parts.section.missing([each]) for each in ranges)


def test_no_estimate_is_taken_for_a_distance(packed: PackedIndex, queries: list[Query]) -> None:
    index, _ = cold(packed.blob)
    of_search = hybrid._searched(index, queries[0], None, no_deadline, nearest.estimated, read_ahead=False)
    joined = lists.joined(index, of_search, queries[0])
    rows = sorted(joined.values["vector"])
    expected = distances(packed.index.vectors_of(rows), None, queries[0].vectors[0], "cosine").tolist()
    assert [joined.values["vector"][row] for row in rows] == expected
    assert joined.scores.keys() <= joined.values["vector"].keys()


@pytest.mark.parametrize(
    "exact",
    [{"explain": True}, {"recall": 0.99}, {"max_distance": 10.0}, {"k": 26}],
    ids=["explanation", "recall", "distance", "many matches"],
)
def test_lists_are_exact_where_the_answer_depends_on_all_of_their_rows(
    packed: PackedIndex, queries: list[Query], exact: dict[str, Any]
) -> None:
    assert not searched(packed, queries[0])[0].complete
    assert searched(packed, structs.replace(queries[0], **exact))[0].complete


def test_the_lists_of_a_file_on_this_machine_are_exact(packed: PackedIndex, queries: list[Query]) -> None:
    index, fetch = cold(packed.blob)
    fetch.is_local = True
    assert hybrid.search(index, queries[0]).complete


def test_the_lists_of_an_index_in_memory_are_exact(packed: PackedIndex, queries: list[Query]) -> None:
    assert hybrid.search(packed.index, queries[0]).complete


def test_the_second_page_has_the_matches_that_the_first_one_missed(packed: PackedIndex, queries: list[Query]) -> None:
    for query in queries:
        index, _ = cold(packed.blob)
        first = hybrid.search(index, query)
        assert first.more
        seen = frozenset(key_of_seen(match.id) for match in first.matches)
        following = structs.replace(query, after=(1e300, ""), seen=seen)
        second = hybrid.search(index, following)
        assert not ids(first) & ids(second)
        assert ids(hybrid.search(index, structs.replace(query, explain=True))) <= ids(first) | ids(second)


def without_large_lists(index: Index) -> Index:
    """Return the index as if no effort had been measured to find the nearest 100 rows."""
    assert index.base
    assert index.base.parts
    parts = index.base.parts
    points = tuple(structs.replace(point, recall_100=0.3) for point in parts.shape.cold)
    shape = structs.replace(parts.shape, cold=points)
    return structs.replace(index, base=structs.replace(index.base, parts=structs.replace(parts, shape=shape)))


def test_it_reads_ranges_where_exact_lists_would_need_the_whole_index(
    packed: PackedIndex, queries: list[Query]
) -> None:
    index, fetch = cold(packed.blob)
    answer = hybrid.search(without_large_lists(index), queries[0])
    assert (answer.plan, fetch.bytes < index.size / 4) == ("ranges", True)
    index, fetch = cold(packed.blob, capacity=1 << 30)
    assert hybrid.search(without_large_lists(index), structs.replace(queries[0], explain=True)).plan == "whole"
