"""QueryVectors with queryTexts: full-text and hybrid queries."""

import math
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.vector_index import NATIVE, VectorIndex, a_vector, keys_of, refusal
from vectord.edge import handler

TEXTS = [{"metadataKey": "title"}, {"metadataKey": "plot", "language": "en"}]
CONFIGURED = {"metadataConfiguration": {"nonFilterableMetadataKeys": ["plot"], "textSearchConfigurations": TEXTS}}
FILMS = {
    "alien": ([9.0, 0.0], "Alien", "In space no one can hear you scream", 1979),
    "heat": ([0.0, 9.0], "Heat", "A heist in Los Angeles", 1995),
    "gravity": ([1.0, 1.0], "Gravity", "Two astronauts are alone in space", 2013),
    "moon": ([2.0, 2.0], "The Moon", "One man works alone on the moon, far from space stations", 2009),
}


@pytest.fixture
def films(ephemeral: Api) -> VectorIndex:
    """Four films with searchable titles and plots; plots are not filterable."""
    index = VectorIndex(ephemeral, **CONFIGURED)
    index.put(
        *(a_vector(name, at, title=title, plot=plot, year=year) for name, (at, title, plot, year) in FILMS.items())
    )
    return index


def texts(**by_key: str) -> list[dict[str, str]]:
    return [{"metadataKey": key, "text": text} for key, text in by_key.items()]


def search(index: VectorIndex, vector: list[float] | None = None, top_k: int = 10, **more: Any) -> Any:
    """Query for the texts that `more` has by their keys, and send the rest of it as it is."""
    by_key = texts(**{key: more.pop(key) for key in ("title", "plot") if key in more})
    near = {} if vector is None else {"queryVector": {"float32": vector}}
    return index.client.query_vectors(**index.names, **near, topK=top_k, queryTexts=by_key, **more)


def scores(found: Any) -> Mapping[str, Any]:
    return {one["key"]: one["scores"] for one in found["vectors"]}


def bm25(frequency: int, length: int, average: float) -> float:
    """Return the score of one word that a text of four has once, by the formula of Lucene."""
    idf = math.log(1 + (4 - frequency + 0.5) / (frequency + 0.5))
    return idf * 2.2 / (1 + 1.2 * (0.25 + 0.75 * length / average))


def test_a_full_text_query_ranks_by_bm25(films: VectorIndex) -> None:
    found = search(films, plot="spaces", returnScores=True, returnDistance=True)
    assert keys_of([found]) == ["gravity", "alien", "moon"]  # English stems; the shorter text counts more
    values = [one["scores"]["bm25Scores"] for one in found["vectors"]]
    assert [value[0]["metadataKey"] for value in values] == ["plot"] * 3
    assert values[0][0]["score"] > values[1][0]["score"] > values[2][0]["score"] > 0
    assert all(one["scores"].keys() == {"bm25Scores"} and "distance" not in one for one in found["vectors"])


def test_a_score_is_that_of_the_formula(films: VectorIndex) -> None:
    found = scores(search(films, title="moon", returnScores=True))
    assert found == {
        "moon": {"bm25Scores": [{"metadataKey": "title", "score": pytest.approx(bm25(1, 2, 5 / 4), rel=1e-6)}]}
    }


def test_each_key_is_searched_for_its_own_text(films: VectorIndex) -> None:
    by_title = scores(search(films, title="heat the", returnScores=True))
    by_plot = scores(search(films, plot="scream moon", returnScores=True))
    both = search(films, title="heat the", plot="scream moon", returnScores=True)
    assert (by_title.keys(), by_plot.keys()) == ({"heat", "moon"}, {"alien", "moon"})
    assert scores(both) == {
        key: {"bm25Scores": by_title.get(key, {}).get("bm25Scores", []) + by_plot.get(key, {}).get("bm25Scores", [])}
        for key in ("alien", "heat", "moon")
    }
    sums = [sum(each["score"] for each in one["scores"]["bm25Scores"]) for one in both["vectors"]]
    assert (sums, keys_of([both])[0]) == (sorted(sums, reverse=True), "moon")


def test_a_key_without_a_language_keeps_every_word_as_it_is(films: VectorIndex) -> None:
    assert keys_of([search(films, title="the")]) == ["moon"]
    assert keys_of([search(films, title="moons")]) == []


def test_a_hybrid_query_joins_both_ranks_and_says_what_each_found(films: VectorIndex) -> None:
    found = search(films, [1.0, 1.0], plot="scream heist", returnScores=True, returnDistance=True, returnMetadata=True)
    by_words = [one["key"] for one in search(films, plot="scream heist")["vectors"]]
    by_vector = [one["key"] for one in films.query([1.0, 1.0])["vectors"]]
    ranks = {key: [ranked.index(key) + 1 for ranked in (by_vector, by_words) if key in ranked] for key in FILMS}
    fused = {key: sum(1 / (60 + rank) for rank in of_key) for key, of_key in ranks.items()}
    assert {key: one["fused"] for key, one in scores(found).items()} == pytest.approx(fused)
    assert keys_of([found]) == sorted(FILMS, key=lambda key: -fused[key])
    for one in found["vectors"]:
        (x, y), *_ = FILMS[one["key"]]
        assert one["distance"] == one["scores"]["vectorDistance"] == pytest.approx((x - 1) ** 2 + (y - 1) ** 2)
        assert [each["metadataKey"] for each in one["scores"]["bm25Scores"]] == ["plot"] * (one["key"] in by_words)
        assert one["metadata"]["year"] == FILMS[one["key"]][3]


def test_the_distance_is_a_score_only_of_what_the_vector_found(ephemeral: Api) -> None:
    index = VectorIndex(ephemeral, **CONFIGURED)
    index.put_rows([[float(number), 0.0] for number in range(120)], plot="near")
    index.put(a_vector("far", [900.0, 0.0], plot="words"))
    found = search(index, [0.0, 0.0], 100, plot="words", returnScores=True)
    assert "vectorDistance" not in scores(found)["far"]
    assert scores(found)["v0"].keys() == {"fused", "bm25Scores", "vectorDistance"}


def test_scores_distances_and_metadata_are_returned_on_request(films: VectorIndex) -> None:
    assert search(films, title="heat")["vectors"] == [{"key": "heat"}]
    assert search(films, [0.0, 9.0], 1, title="heat", returnDistance=True)["vectors"] == [
        {"key": "heat", "distance": 0}
    ]


def test_filters_and_top_k_restrict_the_matches(films: VectorIndex) -> None:
    assert keys_of([search(films, plot="space", filter={"year": {"$lt": 2010}})]) == ["alien", "moon"]
    assert keys_of([search(films, plot="space", top_k=1)]) == ["gravity"]
    assert keys_of([search(films, [0.0, 9.0], plot="space", filter={"year": {"$lt": 2010}})]) == [
        "alien",
        "moon",
        "heat",
    ]
    assert refusal(search, films, plot="space", filter={"plot": {"$exists": True}})["Code"] == "ValidationException"


def test_a_query_finds_what_was_put_and_not_what_was_deleted(films: VectorIndex) -> None:
    films.put(a_vector("solaris", [5.0, 5.0], plot="A space station"))
    films.client.delete_vectors(**films.names, keys=["gravity"])
    assert keys_of([search(films, plot="space")]) == ["solaris", "alien", "moon"]


@pytest.mark.parametrize("text", ["the", "of the and", "?!", "-", "  "])
def test_a_text_without_words_to_search_for_matches_nothing(films: VectorIndex, text: str) -> None:
    assert search(films, plot=text)["vectors"] == []
    assert keys_of([search(films, plot=text, title="heat")]) == ["heat"]
    assert keys_of([search(films, [9.0, 0.0], plot=text)]) == keys_of([films.query([9.0, 0.0])])


@pytest.mark.parametrize(
    ("queries", "path"),
    [
        (texts(genre="x"), "queryTexts[0].metadataKey"),
        ([*texts(plot="x"), *texts(year="x")], "queryTexts[1].metadataKey"),
        ([*texts(plot="x"), *texts(plot="y")], "queryTexts[1].metadataKey"),
        (texts(plot=""), "/queryTexts/0/text"),
        (texts(plot="x" * 1_025), "/queryTexts/0/text"),
        (texts(**{"": "x"}), "/queryTexts/0/metadataKey"),
        (texts(**{"k" * 64: "x"}), "/queryTexts/0/metadataKey"),
        ([], "/queryTexts"),
        (texts(**{f"k{number}": "x" for number in range(11)}), "/queryTexts"),
        ([{"metadataKey": "plot"}], "/queryTexts/0/text"),
        ([{"text": "x"}], "/queryTexts/0/metadataKey"),
        ([{"metadataKey": "plot", "text": 1}], "/queryTexts/0/text"),
    ],
)
@pytest.mark.parametrize("near", [{}, {"queryVector": {"float32": [0.0, 0.0]}}], ids=["text", "hybrid"])
def test_texts_that_are_not_valid_are_refused(films: VectorIndex, queries: Any, path: str, near: Any) -> None:
    answer = films.api.send("POST", "/QueryVectors", {**films.names, **near, "topK": 1, "queryTexts": queries})
    assert (answer.status, answer.json["__type"]) == (400, "ValidationException"), answer.text
    assert [one["path"] for one in answer.json["fieldList"]] == [path]


@pytest.mark.parametrize(
    "text", ["".join(chr(0x4E00 + number) for number in range(1_024)), "\ufdfa" * 1_024, "é " * 512]
)
def test_a_text_may_have_any_1_024_characters(films: VectorIndex, text: str) -> None:
    assert search(films, plot=text, title=text)["vectors"] == []


def test_a_hybrid_query_for_more_than_both_lists_have_is_refused(films: VectorIndex) -> None:
    assert len(search(films, [1.0, 1.0], 2_000, plot="space")["vectors"]) == 4
    assert len(search(films, None, 10_000, plot="space")["vectors"]) == 3
    refused = refusal(search, films, [1.0, 1.0], 2_001, plot="space")
    assert (refused["Code"], refused["fields"][0][0]) == ("ValidationException", "/topK")


def test_a_vector_that_does_not_fit_is_refused_beside_a_text(films: VectorIndex) -> None:
    assert refusal(search, films, [1.0], plot="space")["fields"][0][0] == "queryVector"


def test_text_search_needs_the_mode_enhanced(films: VectorIndex) -> None:
    films.client.update_index_mode(**films.names, indexMode="CLASSIC")
    refused = refusal(search, films, plot="space")
    assert (refused["Code"], "UpdateIndexMode" in refused["Message"]) == ("ValidationException", True)
    assert len(films.query([0.0, 0.0])["vectors"]) == 4


def test_an_empty_index_has_no_matches(ephemeral: Api) -> None:
    index = VectorIndex(ephemeral, **CONFIGURED)
    for vector in (None, [0.0, 0.0]):
        assert search(index, vector, plot="space", returnScores=True)["vectors"] == []


def test_rows_of_the_native_api_are_found(films: VectorIndex) -> None:
    row = {"id": "solaris", "vector": [5.0, 5.0], "metadata": {"plot": ["one", "A station"]}}
    assert films.api.add(row, name=NATIVE).status == 200
    assert keys_of([search(films, plot="station")]) == ["solaris", "moon"]


class TestPages:
    @pytest.fixture
    def filled(self, api_with_versions: Api, monkeypatch: pytest.MonkeyPatch) -> VectorIndex:
        """300 films, of which many have the same relevance, in an index whose answers have up to 20,000 bytes."""
        index = VectorIndex(api_with_versions, **CONFIGURED)
        for part in range(3):
            rows = [[float(number % 17), float(part)] for number in range(100)]
            index.put_rows(rows, f"v{part}-", plot=" ".join(["space"] * (part + 1)) + " alone" * 9, title="x" * 100)
        index.put(a_vector("none", [0.0, 0.0], plot="nothing"))
        self.whole = {vector: self.ask(index, vector) for vector in (False, True)}
        assert [[len(found["vectors"]), "nextToken" in found] for found in self.whole.values()] == [[300, False]] * 2
        monkeypatch.setattr(handler, "MAX_ANSWER", 20_000)
        return index

    def ask(self, index: VectorIndex, vector: bool, **more: Any) -> Any:
        near = [0.5, 0.5] if vector else None
        return search(index, near, 300, plot="space", title="xx", returnScores=True, returnMetadata=True, **more)

    @pytest.mark.slow
    @pytest.mark.parametrize("vector", [False, True], ids=["text", "hybrid"])
    def test_are_together_the_whole_answer_whatever_changes(self, filled: VectorIndex, vector: bool) -> None:
        page, found = self.ask(filled, vector), list[Any]()
        while "nextToken" in page:
            found.append(page)
            filled.put(a_vector(f"new{len(found)}", [0.5, 0.5], plot="space space space", title="xx"))
            page = self.ask(filled, vector, nextToken=page["nextToken"])
        found.append(page)
        assert [one for page in found for one in page["vectors"]] == self.whole[vector]["vectors"]
        assert len(found) > 3

    def test_continue_only_their_own_query(self, filled: VectorIndex) -> None:
        token = self.ask(filled, vector=False)["nextToken"]
        request = {"top_k": 300, "plot": "space", "title": "xx", "nextToken": token}
        assert search(filled, **request)["vectors"]
        for other in ({"plot": "spaces"}, {"vector": [0.5, 0.5]}, {"top_k": 299}, {"title": "space", "plot": "xx"}):
            refused = refusal(search, filled, **request | other)
            assert (refused["Code"], "nextToken" in refused["Message"]) == ("ValidationException", True)
        refused = refusal(filled.query, [0.5, 0.5], 300, nextToken=token)
        assert (refused["Code"], "nextToken" in refused["Message"]) == ("ValidationException", True)
