"""The cost tables of the pages are those that tools/costs computes: `python -m tools.costs.pages` writes them."""

import pytest

from tools.command.paths import ROOT
from tools.costs import pages, search, writes


@pytest.mark.parametrize("name", pages.TABLES)
def test_the_tables_of_a_page_are_those_of_the_model(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert pages.with_tables(text, pages.TABLES[name]) == text


def test_a_page_without_the_table_is_an_error() -> None:
    with pytest.raises(ValueError, match="no table starts with"):
        pages.with_tables("| another |\n|---|\n", [search.table()])


def test_a_cold_search_reads_less_than_proportionally_more_of_a_larger_index() -> None:
    assert search.cold_bytes(1_000_000) < 4 * search.cold_bytes(100_000)


def test_a_load_in_small_batches_pays_for_the_least_part_of_an_upload() -> None:
    assert writes.sent_ratio(100) > 10 * writes.sent_ratio(10_000)


def test_the_rows_of_a_last_batch_that_is_not_full_are_sent_too() -> None:
    assert writes.sent_ratio(70_000) == writes.sent_ratio(100_000) > 2
    assert writes.sent_ratio(30_000) > 2


def test_a_small_index_is_not_built_before_its_tail_has_the_least_rows() -> None:
    builds = writes.commits(16_000, 1_000) - writes.commits(10_000, 1_000)
    assert builds > 0  # the same number of builds, which take longer
