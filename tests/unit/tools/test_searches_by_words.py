"""The benchmark of searches by words: its tables and page, its oracle, judged collections, and what reads are of."""

import hashlib
import math
from pathlib import Path

import pytest

from bench.text import corpus, judged, page, quality, recording
from bench.text.figures import Check, LibraryFigures, Quality, TextStudy, read, write
from bench.text.judged import File, NotFetched, Source
from bench.text.oracle import Oracle
from bench.text.recording import Traffic

DOCUMENTS = """.I 1
.T
a wing
.W
in a slipstream
.I 2
.T
heat
.X
ignored
"""
QUERIES = ".I 001\r\n.W\r\nwhich wings\r\n.I 004\r\n.W\r\nheat\r\n.I 5\r\n.A\r\nSomebody\r\n.I 6\r\n.W\r\nunjudged\r\n"


@pytest.fixture
def found() -> TextStudy:
    libraries = [LibraryFigures("vectord", True, 3.7, 4.0, 0.27, 0.6, 1.9, 1.0)]
    checks = [
        Check("section of texts", 0.31, 0.30),
        Check("warm, p99", 1.9, 3.0, "ms"),
        Check("overlap@10", 0.9, 0.95, at_least=True),
        Check("warm, p50", 500, None, "ms"),
    ]
    qualities = [Quality("Cranfield", 1_400, 225, 0.375, 0.398, 0.427), Quality("CISI", 1_460, 76, 0.315)]
    return TextStudy(
        "2026-11-30", {"cores": "2"}, "made", 100, 30_000, 7, libraries, checks, qualities, ["Left out: x."]
    )


def test_figures_beyond_their_limits_are_named(found: TextStudy) -> None:
    assert page.verdict(found) == "Beyond its limit: section of texts; overlap@10."
    found.checks = found.checks[1:2]
    assert page.verdict(found) == "All figures are within their limits."


def test_the_page_keeps_the_text_around_its_figures(found: TextStudy, tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text(f"before\n{page.START}obsolete\n{page.END}after\n")
    page.write(found, file)
    text = file.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "obsolete" not in text
    assert "| **vectord** | 3.7 | 4.0 | 0.270 | 0.60 | 1.90 | 1.000 |" in text
    assert "| section of texts | 0.310 | ≤ 0.3 | NO |  |" in text
    assert "| CISI | 1,460 | 76 | none | 0.315 | none |" in text
    assert "- Left out: x." in text


def test_the_benchmark_page_has_a_place_for_the_figures() -> None:
    text = (page.DOCS / "benchmark.md").read_text()
    assert text.count(page.START) == text.count(page.END) == 1


def test_figures_survive_their_file(found: TextStudy, tmp_path: Path) -> None:
    write(found, tmp_path / "text.json")
    assert read(tmp_path / "text.json") == found


def test_the_oracle_scores_by_hand() -> None:
    oracle = Oracle(["Running dogs, running!", "the dog", "cats"], ["run dog", "bird"])
    idf = {"run": math.log(1 + 2.5 / 1.5), "dog": math.log(1 + 1.5 / 2.5)}
    average = (3 + 1 + 1) / 3
    norms = [1.2 * (0.25 + 0.75 * length / average) for length in (3, 1)]
    first = idf["run"] * 2 * 2.2 / (2 + norms[0]) + idf["dog"] * 2.2 / (1 + norms[0])
    second = idf["dog"] * 2.2 / (1 + norms[1])
    assert oracle.best("run dog", 10) == [(0, pytest.approx(first)), (1, pytest.approx(second))]
    assert oracle.best("bird", 10) == []


def test_rows_that_tie_with_the_last_are_among_the_best() -> None:
    oracle = Oracle(["a cat", "a dog", "a dog", "a dog"], ["dog"])
    assert [row for row, _ in oracle.best("dog", 2)] == [1, 2, 3]


def test_passages_and_queries_are_the_same_in_every_run_and_words_of_a_query_are_in_one_passage() -> None:
    first, second = corpus.corpus(50), corpus.corpus(50)
    assert first == second
    assert len(set(first.passages)) == 50
    words = [set(passage.lower().replace(".", " ").replace(",", " ").split()) for passage in first.passages]
    asked = corpus.queries(first.passages, 20)
    assert asked == corpus.queries(second.passages, 20)
    assert len(set(asked)) == 20
    assert all(2 <= len(query.split()) <= 4 for query in asked)
    found = [any(set(query.split()) <= of_passage for of_passage in words) for query in asked]
    assert sum(found) >= 15  # other words have signs beside them


def test_ndcg_discounts_what_comes_late_and_compares_with_the_best_order() -> None:
    assert quality.ndcg(["a", "b", "c"], {"a", "b"}) == 1.0
    assert quality.ndcg(["x", "a"], {"a"}) == pytest.approx(1 / math.log2(3))
    assert quality.ndcg(["x"], {"a", "b"}) == 0.0
    assert quality.ndcg(list("abcdefghijk"), set("k")) == 0.0  # the eleventh


def source(folder: Path, *, numbered: bool, judgments: str) -> Source:
    files = []
    for name, text in (("documents", DOCUMENTS), ("queries", QUERIES), ("judgments", judgments)):
        data = text.encode()
        file = File(f"owner/name/commit/{name}", hashlib.sha256(data).hexdigest())
        (folder / f"{file.sha256[:12]}-{name}").write_bytes(data)
        files.append(file)
    return Source("made", *files, numbered=numbered)


@pytest.mark.parametrize(
    ("numbered", "judgments"),
    [(True, "01 1 0 0\n4 02 0 0\n5 2 0 0\n"), (False, "1 1 3\n1 2 -1\n2 2 1\n2 9 1\n3 1 1\n")],
)
def test_a_collection_has_the_texts_of_documents_and_the_judgments_of_queries(
    numbered: bool, judgments: str, tmp_path: Path
) -> None:
    made = judged.collection(source(tmp_path, numbered=numbered, judgments=judgments), tmp_path)
    assert made.documents == {"1": "a wing in a slipstream", "2": "heat"}
    assert made.queries == ["which wings", "heat"]
    assert made.relevant == [{"1"}, {"2"}]


def test_a_file_with_another_checksum_is_refused(tmp_path: Path) -> None:
    made = source(tmp_path, numbered=True, judgments="1 1 0 0\n")
    next(tmp_path.glob("*-queries")).write_text("other")
    with pytest.raises(NotFetched, match="queries has another checksum"):
        judged.collection(made, tmp_path)


def test_a_collection_that_cannot_be_fetched_is_named_and_the_others_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judged, "_HOST", "http://127.0.0.1:9")  # the port of a service that nobody runs
    here = source(tmp_path, numbered=True, judgments="1 1 0 0\n4 2 0 0\n")
    absent = Source("absent", File("a/b/c/x", "0" * 64), File("a/b/c/y", "0" * 64), File("a/b/c/z", "0" * 64))
    monkeypatch.setattr(quality, "_MODEL", "no_such_model")
    found, notes = quality.measure(tmp_path, [absent, here])
    assert [(one.collection, one.words, one.vector) for one in found] == [("made", 1.0, None)]
    assert "No quality on absent: http://127.0.0.1:9/a/b/c/x cannot be fetched" in notes[0]
    assert "no_such_model is not installed" in notes[1]


def test_reads_are_counted_by_the_section_that_they_are_of() -> None:
    rounds = [[(0, 100)], [(90, 110), (150, 160), (300, 310)], [(400, 401)]]
    assert recording.traffic(rounds, (100, 200)) == Traffic(2, 20, 1)
    assert recording.traffic(rounds, (0, 100)) == Traffic(2, 110, 2)
    assert recording.traffic(rounds, (500, 600)) == Traffic(0, 0, 0)
