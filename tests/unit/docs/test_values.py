"""Limits, errors, costs, parameters, metrics and figures in the documents are those of the code."""

import re

from tests.support.pages import first_table, text_of
from tools.costs import search as costs
from tools.costs import sharded as shard_costs
from tools.costs import writes as write_costs
from vectord.edge import problems, telemetry
from vectord.edge.filters import MAX_FILTER
from vectord.edge.handler import MAX_ANSWER
from vectord.edge.request import MAX_BODY
from vectord.edge.schemas.fields import MAX_BATCH, MAX_BATCH_IDS
from vectord.errors import MAX_BAD_ITEMS
from vectord.index.mutations import MAX_PATCHED
from vectord.index.query.query import MAX_K, MAX_PROBES, MAX_QUERIES
from vectord.index.query.text_limits import MAX_CANDIDATES, MAX_QUERY_TEXT, MAX_SPANS, MAX_WORDS
from vectord.lhv1 import params
from vectord.lhv1.text_fields import MAX_FIELDS, MAX_INDICES, MAX_SPARSE
from vectord.readers.entry import MAX_METADATA, MAX_NESTING
from vectord.service.values import options
from vectord.service.values.selection import MAX_IDS


def test_the_page_of_errors_lists_every_kind_of_problem_with_its_status() -> None:
    rows = first_table("docs/errors.md")
    listed = {(int(status), slug) for status, types, *_ in rows for slug in re.findall(r"`([a-z-]+)`", types)}
    assert listed == {(kind.status, kind.slug) for kind in problems.KINDS.values()}


def test_the_cost_table_is_what_the_arithmetic_prints() -> None:
    assert costs.table() in text_of("docs/costs.md")


def test_the_table_of_writes_is_what_the_arithmetic_prints() -> None:
    assert write_costs.table() in text_of("docs/costs.md")


def test_an_add_a_minute_to_100000_vectors_keeps_7_terabytes_in_30_days_and_16_gigabytes_with_thinning() -> None:
    assert round(write_costs.kept_bytes(100_000, 1_440, 30, thinned=False) / 1e12) == 7
    assert round(write_costs.kept_bytes(100_000, 1_440, 30) / 1e9) == 16


def test_the_page_of_costs_prices_an_add_with_the_version_that_it_leaves() -> None:
    page, month = text_of("docs/costs.md"), write_costs.DAYS_A_MONTH
    for adds in (1_440, 24):
        versions = write_costs.kept_versions(adds, 3)
        price = write_costs.versions(100_000, adds, 3) / (adds * month)
        arithmetic = f"{versions:.0f} versions x 0.174 GB x 0.023 / {adds * month:,.0f} adds a month | {price:.5f} |"
        assert arithmetic in page
    assert f"{write_costs.thinning_dollars():.2f} a month |" in page


def test_the_tables_of_sharding_are_what_the_arithmetic_prints() -> None:
    page = text_of("docs/sharding.md")
    assert shard_costs.searches() in page
    assert shard_costs.batches() in page


def test_operations_lists_every_parameter_of_the_template() -> None:
    page = text_of("docs/operations.md")
    template = text_of("template.yaml").split("\nParameters:\n")[1].split("\nRules:\n")[0]
    assert [name for name in re.findall(r"^  (\w+):$", template, re.MULTILINE) if f"`{name}`" not in page] == []


def test_operations_names_every_metric() -> None:
    page = text_of("docs/operations.md")
    assert [name for name in telemetry.UNITS if name not in page] == []


def test_the_page_of_limits_states_those_of_the_code() -> None:
    stated = {row[0]: row[1] for row in first_table("docs/limits.md")}
    assert stated["dimension"] == f"1 to {params.MAX_DIMENSION:,}"
    assert stated["shards"].startswith(f"1 to {options.DEFAULT_MAX_SHARDS:,},")
    assert f"at most {params.MAX_SHARDS:,}" in stated["shards"]
    assert stated["k"] == f"1 to {MAX_K:,}"
    assert f"1 to {params.MAX_ID_BYTES:,} bytes" in stated["id"]
    assert stated["queries a search"] == f"1 to {MAX_QUERIES}"
    assert stated["queries a recall measurement"].startswith(f"1 to {MAX_PROBES};")
    assert stated["vectors of an add"] == f"1 to {MAX_BATCH:,}"
    assert stated["ids of a deletion or a patch"] == f"1 to {MAX_BATCH_IDS:,}"
    assert stated["bad items of a batch that an answer lists"] == f"the first {MAX_BAD_ITEMS:,}"
    assert stated["metadata that one patch writes"].startswith(f"{MAX_PATCHED // 10**6} MB")
    assert stated["metadata of a vector"].endswith(f"up to {MAX_METADATA >> 20} MB")
    assert stated["filter"].startswith(f"{MAX_FILTER >> 20} MB")
    assert stated["[text fields](text.md) of an index"].startswith(f"1 to {MAX_FIELDS};")
    sparse = stated["[sparse vectors](text.md#sparse-vectors) of an index"]
    assert sparse.startswith(f"1 to {MAX_SPARSE} names; 1 to {MAX_INDICES:,} indices")
    assert stated["words of a search"] == f"{MAX_WORDS:,} different ones, in up to {MAX_QUERY_TEXT:,} characters"
    assert stated["spans of the highlights of a match"] == f"{MAX_SPANS:,}, the first ones"
    assert stated["candidates of a hybrid search"].startswith(f"1 to {MAX_CANDIDATES:,} ")
    assert stated["ids a get"] == f"1 to {MAX_IDS:,}"
    assert f"up to {MAX_NESTING} levels" in stated["metadata of a vector"]
    assert stated["request"].startswith(f"{MAX_BODY >> 20} MB")
    assert stated["answer"].startswith(f"{MAX_ANSWER >> 20} MB")


def test_the_figures_of_the_readme_are_those_of_the_benchmark() -> None:
    measured = set(re.findall(r"\d+\.\d+", text_of("docs/benchmark.md")))
    shown = {
        figure for _, *cells in first_table("README.md") for cell in cells for figure in re.findall(r"\d+\.\d+", cell)
    }
    assert shown
    assert shown <= measured
