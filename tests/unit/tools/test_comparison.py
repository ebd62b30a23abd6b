"""The comparison with other libraries: its data, its file of figures and its tables."""

from pathlib import Path

import numpy as np
import pytest

from bench.peers import page, report, results
from bench.peers.results import BareCalls, Comparison, Point, Remote, Side
from bench.peers.vectors import vectors
from bench.s3.link import Counters


def side(name: str, *, cold: float, sent: int = 1_000, recall: float = 1.0) -> Side:
    remote = Remote([cold, cold + 1, cold + 2], Counters(3, sent, 2_000_000), 1 << 20, recall)
    far = dict.fromkeys(("cold", "cold raw", "add", "add raw", "refresh"), remote)
    return Side(name, name == "vectord", 1.0, 4_000, [Point(10, 0.96, 0.5, 1.0), Point(20, 0.995, 2.0, 3.0)], far)


def comparison(*sides: Side) -> Comparison:
    overhead = {"direct": (0.1, 0.001), "link without limits": (0.11, 0.0015), "link": (1.0, 0.026)}
    bare = BareCalls({"UploadPartCopy": 0.25, "Complete": 0.5})
    return Comparison("2026-11-23", {"cores": "2"}, "made", 1_000, 1, overhead, list(sides), ["usearch f16"], bare)


def line(text: str, title: str, name: str) -> list[str]:
    """Return the cells of a side's first line in the table under a title."""
    table = text.split(f"  {title}  ")[1].split("\n\n", maxsplit=1)[0]
    return next(row for row in table.splitlines() if row.strip().startswith(name)).split()


def test_ratios_are_to_the_best_peer_and_never_to_vectord(capsys: pytest.CaptureFixture[str]) -> None:
    report.show(comparison(side("vectord", cold=1.0), side("annoy", cold=4.0), side("hnswlib", cold=9.0)))
    text = capsys.readouterr().out
    assert "0.40 x" in " ".join(line(text, "cold first answer", "vectord"))  # medians: 2 of 5
    assert "1.00 x" in " ".join(line(text, "cold first answer", "annoy"))
    assert "2.00 x" in " ".join(line(text, "cold first answer", "hnswlib"))


def test_a_peer_with_low_recall_is_not_the_best(capsys: pytest.CaptureFixture[str]) -> None:
    report.show(comparison(side("vectord", cold=1.0), side("annoy", cold=0.5, recall=0.5), side("hnswlib", cold=3.0)))
    assert "1.00 x" in " ".join(line(capsys.readouterr().out, "cold first answer", "hnswlib"))


def test_peers_that_were_left_out_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    report.show(comparison(side("vectord", cold=1.0)))
    assert "left out, not installed or not built: usearch f16" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("sent", "line"),
    [(1_000, "add 2.000 s, without these calls 1.250 s"), (3_000, "sent its object whole: nothing to subtract")],
    ids=["by copy", "whole"],
)
def test_the_stand_ins_own_calls_are_subtracted_only_from_an_add_by_copy(
    sent: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report.show(comparison(side("vectord", cold=1.0, sent=sent)))
    assert line in capsys.readouterr().out


def test_an_effort_is_chosen_by_speed_among_those_that_reach_the_recall() -> None:
    found = side("annoy", cold=1.0)
    assert found.at(0.95) == found.warm[0]
    assert found.at(0.99) == found.warm[1]
    assert found.at(0.999) is None


def test_figures_survive_the_round_trip_through_their_file(tmp_path: Path) -> None:
    found = comparison(side("vectord", cold=1.0), side("annoy", cold=2.0))
    results.write(found, tmp_path / "sub" / "found.json")
    again = results.read(tmp_path / "sub" / "found.json")
    assert again == found


def test_only_the_text_between_the_markers_of_the_page_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text(f"before\n{page.START}earlier\n{page.END}after\n")
    for cold in (3.0, 1.0):
        page.write(comparison(side("vectord", cold=cold), side("annoy", cold=4.0)), file)
    text = file.read_text()
    assert text.startswith(f"before\n{page.START}")
    assert text.endswith(f"{page.END}after\n")
    assert "| **vectord** | 2.00 (0.40) |" in text
    assert "4.00 (0.80)" not in text
    assert "earlier" not in text


def test_synthetic_vectors_are_the_same_in_every_run_and_no_query_is_a_row() -> None:
    first, second = (vectors(None, 500, 20, 10) for _ in range(2))
    assert (first.base == second.base).all()
    assert (len(first.base), len(first.queries), len(first.batch)) == (500, 20, 10)
    assert float((first.queries @ first.base.T).max()) < 0.9999
    assert np.linalg.norm(first.base, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_a_file_with_too_few_rows_is_completed(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    base, query = rng.standard_normal((60, 8)).astype(np.float16), rng.standard_normal((5, 8))
    np.savez(tmp_path / "file.npz", base=base, query=query)
    found = vectors(tmp_path / "file.npz", 200, 20, 10)
    own = base.astype(np.float32) / np.linalg.norm(base.astype(np.float32), axis=1, keepdims=True)
    assert found.base.shape == (200, 8)
    assert found.base[:60] == pytest.approx(own)
    assert (len(found.queries), len(found.batch)) == (5, 10)
    assert "150 of the rows are synthetic mixtures" in found.about
