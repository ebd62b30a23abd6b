"""A search by words, or by words and a vector, gives the same answer from any number of shards, bit for bit."""

from collections.abc import Iterator
from time import monotonic
from typing import Any

import numpy as np
import pytest
from msgspec import Raw, structs
from msgspec.json import encode

from tests.support.invoked import Functions
from tests.support.shards import HookedStore, a_service
from tests.support.worded import FIELDS, drawn_rows, items_of
from vectord.errors import CursorInvalid, FilterInvalid, RequestInvalid, VectordError
from vectord.index.query.query import Answer, FieldStatistics, Fusion, Match, Query, TextSearch, TextStatistics
from vectord.index.query.text_errors import TextFieldUnknown, TextNotDeclared, TextWithoutWords
from vectord.readers.entry import NewVector
from vectord.service.service import Service
from vectord.service.values.options import Deadline, NewIndex
from vectord.service.values.selection import FacetQuery, Selection, TextSelection

SHARDS = (1, 4, 10)
TARGET = np.array([0.5, -1, 0.25, 2], np.float32)
BY_VECTOR: dict[str, Any] = {"vectors": (TARGET,), "recall": 1.0}


def soon() -> Deadline:
    return Deadline(monotonic() + 60)


def fill(service: Service, name: str, shards: int, seed: int = 1) -> None:
    """Create an index and add rows to it; some are replaced, and some deleted."""
    service.create(NewIndex(name, 4, shards=shards, text=FIELDS), soon())
    for some in (drawn_rows(150, seed), {**drawn_rows(40, seed + 1, "s"), "r003": ("fox fox", "", TARGET)}):
        service.add(name, [NewVector(item.id, item.vector, item.metadata) for item in items_of(some)], soon())
    service.delete(name, Selection(["r010", "r020", "s001"]), soon())


@pytest.fixture(scope="module")
def service() -> Service:
    """A service with the same rows in 1, 4 and 10 shards, whose shards are searched in this process."""
    service = a_service(HookedStore())
    for shards in SHARDS:
        fill(service, f"of{shards}", shards)
    return service


def search(service: Service, name: str, words: str = "fox sun the", k: int = 12, **more: Any) -> Answer:
    text = TextSearch(words, **{name: more.pop(name) for name in TextSearch.__struct_fields__ if name in more})
    return service.search(name, Query(k, text=text, **more), soon()).answer


def plain(matches: list[Match]) -> list[Any]:
    return [
        structs.astuple(structs.replace(match, vector=match.vector if match.vector is None else match.vector.tolist()))
        for match in matches
    ]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"explain": True},
        {"highlight": True, "words": "cat f", "prefix": True, "include_metadata": False},
        {"match": "all", "fields": {"body": 2.0, "by.title": 0.5}},
        {"prefix": True, "words": "cat f"},
        {"filter": '{"by.title": {"$prefix": "f"}}', "min_relevance": 0.5},
        {"exclude": ("r003", "r005"), "include_metadata": False, "include_vectors": False},
        {"words": "unknown"},
        BY_VECTOR,
        {**BY_VECTOR, "explain": True, "fusion": Fusion(10, 7, 2, 0.5)},
        {**BY_VECTOR, "highlight": True},
        {**BY_VECTOR, "highlight": True, "words": "cat f", "prefix": True, "include_metadata": False},
        {**BY_VECTOR, "k": 200, "max_distance": 0.8, "min_relevance": 0.2},
        {**BY_VECTOR, "include_metadata": False, "include_vectors": False, "match": "all"},
        {"like": "r003", "recall": 1.0, "filter": '{"by.title": {"$prefix": "s"}}'},
    ],
    ids=lambda more: " ".join(map(str, more)) or "words",
)
def test_any_number_of_shards_gives_the_same_answer(service: Service, more: dict[str, Any]) -> None:
    one, *others = (search(service, f"of{shards}", **more) for shards in SHARDS)
    for answer in others:
        assert plain(answer.matches) == plain(one.matches)
        assert (answer.count, answer.eligible, answer.more) == (one.count, one.eligible, one.more)
        assert answer.statistics == one.statistics
    assert one.matches or more == {"words": "unknown"}


@pytest.mark.parametrize(
    "more",
    [{"words": "京"}, {"words": "the", "prefix": True}, {**BY_VECTOR, "words": "京"}],
    ids=["a character", "a stop word as a prefix", "hybrid"],
)
def test_a_shard_without_a_term_that_begins_so_counts_in_the_relevances(more: dict[str, Any]) -> None:
    service = a_service(HookedStore())
    texts = ["京都", "then", "theory of foxes", "a fox", "fox sun jam", "ink", "owl", "elm and elk"]
    rows = [NewVector(f"r{at}", TARGET, Raw(encode({"body": text}))) for at, text in enumerate(texts)]
    found = []
    for shards in SHARDS:
        service.create(NewIndex(f"of{shards}", 4, shards=shards, text=FIELDS), soon())
        service.add(f"of{shards}", rows, soon())
        found.append(search(service, f"of{shards}", **more))
    assert [plain(answer.matches) for answer in found[1:]] == [plain(found[0].matches)] * 2
    assert found[0].matches[0].relevance
    assert {str(answer.statistics) for answer in found} == {str(found[0].statistics)}


def pages(service: Service, name: str, k: int, **more: Any) -> Iterator[Answer]:
    """Yield the pages of a search as a caller of the API gets them."""
    answer = search(service, name, k=k, paged=True, **more)
    yield answer
    seen = list[Match]()
    while answer.more:
        seen += answer.matches
        last = answer.matches[-1]
        key = last.relevance if last.score is None else last.score
        keys = frozenset(match.id.encode() for match in seen) if last.score is not None else frozenset()
        answer = search(
            service, name, k=k, paged=True, after=(key, last.id), seen=keys, statistics=answer.statistics, **more
        )
        yield answer


HIGHLIGHTED: dict[str, Any] = {"highlight": True, "include_metadata": False}


@pytest.mark.parametrize(
    "more", [{}, BY_VECTOR, HIGHLIGHTED, {**BY_VECTOR, **HIGHLIGHTED}], ids=lambda more: " ".join(more) or "words"
)
def test_pages_are_parts_of_the_whole_answer(service: Service, more: dict[str, Any]) -> None:
    whole = search(service, "of4", k=200, **more)
    found = [match for answer in pages(service, "of4", 17, **more) for match in answer.matches]
    assert plain(found) == plain(whole.matches)


def test_messages_to_other_functions_carry_the_same_answer(service: Service) -> None:
    store = HookedStore()
    functions = Functions(store)
    remote = a_service(store, invoke=functions.invoke)
    fill(remote, "of4", 4)
    for more in ({"explain": True, "highlight": True}, {**BY_VECTOR, "explain": True, "highlight": True}):
        functions.messages.clear()
        assert plain(search(remote, "of4", **more).matches) == plain(search(service, "of4", **more).matches)
        assert len(functions.messages) == 8  # statistics, and then matches or candidates


TEXTS = [
    TextSearch("fox sun"),
    TextSearch("the fox", match="all"),
    TextSearch("cat f", prefix=True),
    TextSearch("fox jam", {"body": 2.0}, min_relevance=1.5),
    TextSearch("unknown"),
]
PREFIXED = '{"by.title": {"$prefix": "f"}}'


@pytest.mark.parametrize("filter_text", [None, PREFIXED])
@pytest.mark.parametrize("text", TEXTS, ids=str)
def test_any_number_of_shards_counts_the_rows_that_a_search_finds(
    service: Service, text: TextSearch, filter_text: str | None
) -> None:
    query = FacetQuery(["by.title"], 100, filter_text, TextSelection(text))
    for name in ("of1", "of4", "of10"):
        found = service.search(name, Query(1_000, text=text, filter=filter_text), soon()).answer.matches
        assert service.count(name, filter_text, soon(), text=TextSelection(text)).count == len(found)
        facets = service.facets(name, query, soon())
        assert facets.count == len(found)
        assert facets.facets == service.facets("of1", query, soon()).facets
        assert sum(count for _, count in facets.facets[0].counts) == len(found)


def test_messages_to_other_functions_carry_what_is_counted(service: Service) -> None:
    store = HookedStore()
    remote = a_service(store, invoke=Functions(store).invoke)
    fill(remote, "of4", 4)
    selection = TextSelection(TextSearch("cat f", prefix=True, min_relevance=0.5))
    query = FacetQuery(["by.title"], 100, None, selection)
    assert remote.facets("of4", query, soon()).facets == service.facets("of4", query, soon()).facets
    counted = [each.count("of4", None, soon(), text=selection).count for each in (remote, service)]
    assert 0 < counted[0] == counted[1]


def test_words_that_cannot_be_searched_cannot_be_counted(service: Service) -> None:
    for name in ("of1", "of4"):
        with pytest.raises(TextWithoutWords):
            service.count(name, None, soon(), text=TextSelection(TextSearch("...")))
        with pytest.raises(RequestInvalid, match="10,000 characters"):
            service.facets(name, FacetQuery(["by.title"], 100, text=TextSelection(TextSearch("e" * 10_001))), soon())


@pytest.mark.slow
@pytest.mark.parametrize("remotely", [False, True])
@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"words": "the of", "fields": {"body": 1.0}}, TextWithoutWords),
        ({"words": "..."}, TextWithoutWords),
        ({"fields": {"other": 1.0}}, TextFieldUnknown),
        ({"statistics": TextStatistics(5, {"other": FieldStatistics(1, {})})}, CursorInvalid),
        ({"statistics": TextStatistics(5, {"body": FieldStatistics(-1, {})})}, CursorInvalid),
        ({"filter": "{"}, FilterInvalid),
    ],
    ids=lambda value: "",
)
def test_an_error_is_that_of_an_index_in_one_object(
    remotely: bool, more: dict[str, Any], error: type[VectordError]
) -> None:
    store = HookedStore()
    service = a_service(store, invoke=Functions(store).invoke if remotely else None)
    fill(service, "of4", 4)
    fill(service, "of1", 1)
    with pytest.raises(error) as single:
        search(service, "of1", **more)
    with pytest.raises(error) as sharded:
        search(service, "of4", **more)
    assert str(sharded.value) == str(single.value)


def test_shards_without_texts_are_searched_by_vector_only() -> None:
    service = a_service(HookedStore())
    service.create(NewIndex("t", 4, shards=3), soon())
    with pytest.raises(TextNotDeclared, match="'t' declares no texts"):
        search(service, "t")
