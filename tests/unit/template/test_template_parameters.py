"""What the parameters of a deployment change, from template.yaml after SAM's translator expanded it."""

import pytest

from tests.support import template
from tests.support.deployed import OTHER, Deployed
from tools.command.paths import TEMPLATE
from tools.stack.template import load
from vectord.lhv1 import params
from vectord.service.values import options

pytestmark = pytest.mark.slow  # the template is expanded for each test

DEPLOYED = Deployed({})
FUNCTIONS = sorted(template.resources("AWS::Serverless::Function"))


def test_searches_are_served_from_a_published_version() -> None:
    search = DEPLOYED.one("AWS::ApiGatewayV2::Api")["Body"]["paths"]["/indexes/{name}/search"]["post"]
    assert search["x-amazon-apigateway-integration"]["uri"].endswith("/functions/SearchFunctionAliaslive/invocations")


def test_provisioned_concurrency_and_tracing_are_off_by_default() -> None:
    assert "ProvisionedConcurrencyConfig" not in DEPLOYED.one("AWS::Lambda::Alias")
    assert not any("TracingConfig" in function for function in DEPLOYED.all("AWS::Lambda::Function").values())


def test_provisioned_concurrency_is_a_parameter() -> None:
    alias = OTHER.one("AWS::Lambda::Alias")
    assert alias["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": "2"}


def concurrency(function: str, value: str) -> dict[str, str]:
    return {f"{function.removesuffix('Function')}Concurrency": value}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_reserved_concurrency_of_a_function_is_a_parameter(function: str) -> None:
    functions = Deployed(concurrency(function, "7")).all("AWS::Lambda::Function")
    assert {name: one["ReservedConcurrentExecutions"] for name, one in functions.items() if "Reserved" in str(one)} == {
        function: "7"
    }


def test_no_function_has_reserved_concurrency_by_default() -> None:
    functions = DEPLOYED.all("AWS::Lambda::Function").values()
    assert not any("ReservedConcurrentExecutions" in function for function in functions)


def test_without_reserved_concurrency_an_earlier_limit_of_the_event_source_is_removed() -> None:
    assert DEPLOYED.all("AWS::Lambda::EventSourceMapping")["IngestFunctionUploads"]["ScalingConfig"] == {}


def test_sqs_calls_ingest_no_more_often_than_its_reserved_concurrency_allows() -> None:
    source = OTHER.all("AWS::Lambda::EventSourceMapping")["IngestFunctionUploads"]
    assert source["ScalingConfig"] == {"MaximumConcurrency": "7"}


def test_sqs_calls_the_add_function_no_more_often_than_a_parameter_allows() -> None:
    for deployed, most in ((DEPLOYED, "10"), (Deployed({"ChangesConcurrency": "3"}), "3")):
        source = deployed.all("AWS::Lambda::EventSourceMapping")["AddFunctionChanges"]
        assert source["ScalingConfig"] == {"MaximumConcurrency": most}
    declared = load(TEMPLATE)["Parameters"]["ChangesConcurrency"]
    assert (declared["MinValue"], declared["MaxValue"]) == (2, 1_000)


def test_the_maximum_of_shards_is_a_parameter() -> None:
    functions = OTHER.all("AWS::Lambda::Function")
    assert functions["CreateFunction"]["Environment"]["Variables"]["VECTORD_MAX_SHARDS"] == "12"


def test_the_maximum_of_shards_is_by_default_that_of_the_code() -> None:
    declared = load(TEMPLATE)["Parameters"]["MaxShards"]
    assert (declared["Default"], declared["MinValue"], declared["MaxValue"]) == (
        options.DEFAULT_MAX_SHARDS,
        1,
        params.MAX_SHARDS,
    )


@pytest.mark.parametrize("parameter", ["MemorySize", "CompactMemorySize", "ExportMemorySize"])
def test_a_function_has_at_least_1024_megabytes(parameter: str) -> None:
    assert load(TEMPLATE)["Parameters"][parameter]["MinValue"] == 1_024


def test_the_concurrency_of_ingest_is_one_that_an_event_source_accepts() -> None:
    declared = load(TEMPLATE)
    [rule] = declared["Rules"]["IngestConcurrencyOfASource"]["Assertions"]
    assert rule["Assert"] == [[["0", "1"], "IngestConcurrency"]]
    assert [declared["Parameters"]["IngestConcurrency"][limit] for limit in ("MinValue", "MaxValue")] == [-1, 1_000]


def test_the_size_of_a_batch_of_files_and_the_wait_for_it_are_parameters() -> None:
    by_default, other = (
        Deployed(values).all("AWS::Lambda::EventSourceMapping")["IngestFunctionUploads"]
        for values in ({}, {"IngestBatchSize": "7", "IngestBatchSeconds": "0"})
    )
    names = "BatchSize", "MaximumBatchingWindowInSeconds"
    assert [int(by_default[name]) for name in names] == [20, 1]
    assert [int(other[name]) for name in names] == [7, 0]


def test_a_batch_of_more_than_10_files_is_one_that_lambda_waits_for() -> None:
    """As the reference of AWS::Lambda::EventSourceMapping demands of a queue."""
    declared = load(TEMPLATE)
    rule = declared["Rules"]["IngestBatchOfASource"]
    [assertion] = rule["Assertions"]
    assert rule["RuleCondition"] == ["IngestBatchSeconds", "0"]
    assert assertion["Assert"] == [[str(number) for number in range(1, 11)], "IngestBatchSize"]
    limits = [declared["Parameters"]["IngestBatchSize"][limit] for limit in ("MinValue", "MaxValue")]
    assert limits == [1, 1_000]  # Lambda accepts 10,000; an index remembers the latest 1,000 files


@pytest.mark.parametrize(("parameter", "applied"), [("on", "PublishedVersions"), ("off", "None")])
def test_snap_start_is_a_parameter(parameter: str, applied: str) -> None:
    functions = Deployed({"SnapStart": parameter, "TmpSize": "512"}).all("AWS::Lambda::Function")
    assert functions["SearchFunction"]["SnapStart"] == {"ApplyOn": applied}


@pytest.mark.parametrize(
    ("deployed", "architecture"),
    [(DEPLOYED, "x86_64"), (OTHER, "arm64")],
    ids=["x86_64", "arm64"],
)
def test_the_architecture_is_a_parameter(deployed: Deployed, architecture: str) -> None:
    functions = deployed.all("AWS::Lambda::Function")
    assert {tuple(one["Architectures"]) for one in functions.values()} == {(architecture,)}


def test_memory_and_disk_are_parameters() -> None:
    functions = OTHER.all("AWS::Lambda::Function")
    own = [functions.pop(name) for name in ("CompactFunction", "ExportFunction")]
    assert {(one["MemorySize"], one["EphemeralStorage"]["Size"]) for one in functions.values()} == {("2304", "2048")}
    assert {(one["MemorySize"], one["EphemeralStorage"]["Size"]) for one in own} == {("3008", "4096")}


def test_memory_and_disk_of_compact_and_export_are_separate_parameters() -> None:
    parameters = {
        "CompactMemorySize": "10240",
        "CompactTmpSize": "10239",
        "ExportMemorySize": "10238",
        "ExportTmpSize": "10237",
    }
    functions = Deployed(parameters).all("AWS::Lambda::Function")
    sizes = [
        (functions[name]["MemorySize"], functions[name]["EphemeralStorage"]["Size"])
        for name in ("CompactFunction", "ExportFunction")
    ]
    assert sizes == [("10240", "10239"), ("10238", "10237")]
