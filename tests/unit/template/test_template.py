"""The resources of a deployment, from template.yaml after SAM's translator expanded it."""

import json
import re
from typing import Any

import pytest

from tests.support import template
from tests.support.deployed import Deployed
from tools.command.paths import TEMPLATE
from tools.stack.template import load
from vectord.edge import telemetry
from vectord.lhv1 import params
from vectord.service.values import options

DEPLOYED = Deployed({})
FUNCTIONS = sorted(template.resources("AWS::Serverless::Function"))
BUCKETS = sorted(template.resources("AWS::S3::Bucket"))


def alarms() -> dict[str, dict[str, Any]]:
    return DEPLOYED.all("AWS::CloudWatch::Alarm")


# ---- storage


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_bucket_is_private(bucket: str) -> None:
    properties = DEPLOYED.all("AWS::S3::Bucket")[bucket]
    blocked = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"]
    assert properties["PublicAccessBlockConfiguration"] == dict.fromkeys(blocked, True)
    assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_bucket_is_encrypted(bucket: str) -> None:
    [rule] = DEPLOYED.all("AWS::S3::Bucket")[bucket]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


@pytest.mark.parametrize("bucket", BUCKETS)
@pytest.mark.parametrize(("parameters", "days"), [({}, "3"), ({"VersionDays": "30"}, "30")])
def test_a_bucket_keeps_old_versions_for_as_many_days_as_the_parameter_says(
    bucket: str, parameters: dict[str, str], days: str
) -> None:
    properties = Deployed(parameters).all("AWS::S3::Bucket")[bucket]
    [rule, *_] = properties["LifecycleConfiguration"]["Rules"]
    assert (properties["VersioningConfiguration"]["Status"], rule["Status"]) == ("Enabled", "Enabled")
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": days}


def test_versions_are_kept_for_1_to_3650_days() -> None:
    declared = load(TEMPLATE)["Parameters"]["VersionDays"]
    assert (declared["Default"], declared["MinValue"], declared["MaxValue"]) == (3, 1, 3_650)


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_bucket_aborts_unfinished_multipart_uploads_after_a_day(bucket: str) -> None:
    [rule, *_] = DEPLOYED.all("AWS::S3::Bucket")[bucket]["LifecycleConfiguration"]["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


@pytest.mark.parametrize("prefix", ["uploads/", "rejected/"])
@pytest.mark.parametrize(
    ("parameters", "days"), [({}, ["30"]), ({"UploadDays": "365"}, ["365"]), ({"UploadDays": "0"}, [])]
)
def test_uploads_and_reports_expire_after_as_many_days_as_the_parameter_says(
    prefix: str, parameters: dict[str, str], days: list[str]
) -> None:
    rules = Deployed(parameters).all("AWS::S3::Bucket")["Inbox"]["LifecycleConfiguration"]["Rules"]
    found = [rule for rule in rules if rule.get("Prefix") == prefix]
    assert [(rule["ExpirationInDays"], rule["Status"]) for rule in found] == [(each, "Enabled") for each in days]


def test_no_upload_expires_while_its_message_may_be_in_a_queue() -> None:
    queues = DEPLOYED.all("AWS::SQS::Queue")
    kept = sum(int(queues[name]["MessageRetentionPeriod"]) for name in ("Uploads", "DeadUploads"))
    allowed = load(TEMPLATE)["Parameters"]["UploadDays"]["AllowedValues"]
    assert min(days for days in allowed if days) * 86_400 > kept


def test_the_functions_of_uploads_have_one_memory_size_because_it_bounds_a_link_and_a_file() -> None:
    functions = DEPLOYED.all("AWS::Lambda::Function")
    assert functions["UploadFunction"]["MemorySize"] == functions["IngestFunction"]["MemorySize"]


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_bucket_is_retained_when_its_stack_is_deleted(bucket: str) -> None:
    resource = DEPLOYED.whole("AWS::S3::Bucket")[bucket]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_bucket_denies_plain_http(bucket: str) -> None:
    policies = {policy["Bucket"]: policy for policy in DEPLOYED.all("AWS::S3::BucketPolicy").values()}
    [statement] = policies[bucket]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Resource"] == [f"{bucket}.Arn", f"{bucket}.Arn/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_plain_http_is_allowed_only_without_tls_only() -> None:
    assert not Deployed({"TlsOnly": "false"}).all("AWS::S3::BucketPolicy")


# ---- ingestion


def test_only_objects_under_uploads_send_an_event_to_the_queue() -> None:
    [queue] = DEPLOYED.all("AWS::S3::Bucket")["Inbox"]["NotificationConfiguration"]["QueueConfigurations"]
    assert (queue["Event"], queue["Queue"]) == ("s3:ObjectCreated:*", "Uploads.Arn")
    assert queue["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": "uploads/"}]


def test_a_message_that_fails_repeatedly_moves_to_the_dead_letter_queue() -> None:
    queues = DEPLOYED.all("AWS::SQS::Queue")
    redrive = queues["Uploads"]["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == "DeadUploads.Arn"
    assert redrive["maxReceiveCount"] >= 5  # AWS recommends at least 5, so that throttling does not discard messages


@pytest.mark.parametrize("queue", ["DeadUploads", "DeadCompactions"])
def test_a_dead_letter_queue_keeps_messages_for_14_days(queue: str) -> None:
    assert DEPLOYED.all("AWS::SQS::Queue")[queue]["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_the_visibility_timeout_is_six_times_the_timeout_of_the_function() -> None:
    timeout = DEPLOYED.all("AWS::Lambda::Function")["IngestFunction"]["Timeout"]
    assert DEPLOYED.all("AWS::SQS::Queue")["Uploads"]["VisibilityTimeout"] >= 6 * timeout


def test_a_failed_message_does_not_cause_redelivery_of_its_batch() -> None:
    source = DEPLOYED.one("AWS::Lambda::EventSourceMapping")
    assert (source["EventSourceArn"], source["FunctionName"]) == ("Uploads.Arn", "IngestFunction")
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


# ---- compaction


def test_a_failed_compaction_is_retried_twice_and_then_moves_to_the_dead_letter_queue() -> None:
    config = DEPLOYED.one("AWS::Lambda::EventInvokeConfig")
    assert (config["FunctionName"], config["MaximumRetryAttempts"]) == ("CompactFunction", 2)
    assert config["DestinationConfig"] == {"OnFailure": {"Destination": "DeadCompactions.Arn"}}


def test_a_compaction_may_run_for_15_minutes() -> None:
    assert DEPLOYED.all("AWS::Lambda::Function")["CompactFunction"]["Timeout"] == 900


def test_functions_that_change_indexes_can_request_a_compaction() -> None:
    functions = DEPLOYED.all("AWS::Lambda::Function")
    targets = {
        name: function["Environment"]["Variables"]["VECTORD_COMPACT"]
        for name, function in functions.items()
        if "VECTORD_COMPACT" in function["Environment"]["Variables"]
    }
    assert targets == dict.fromkeys(["AddFunction", "DeleteFunction", "IngestFunction"], "CompactFunction")


def test_a_function_knows_the_size_of_its_disk() -> None:
    for function in DEPLOYED.all("AWS::Lambda::Function").values():
        megabytes = function["Environment"]["Variables"]["VECTORD_TMP_MB"]
        assert megabytes == function["EphemeralStorage"]["Size"]


# ---- operations


SUMS = {
    "ErrorsAlarm": ("AWS/Lambda", "Errors", "FunctionName"),
    "ThrottlesAlarm": ("AWS/Lambda", "Throttles", "FunctionName"),
    "FailuresAlarm": (telemetry.NAMESPACE, "Failures", "Function"),
}


@pytest.mark.parametrize("alarm", SUMS)
def test_an_alarm_sums_over_every_function(alarm: str) -> None:
    namespace, metric, dimension = SUMS[alarm]
    watched = [part["MetricStat"]["Metric"] for part in alarms()[alarm]["Metrics"][1:]]
    assert {(one["Namespace"], one["MetricName"], one["Dimensions"][0]["Name"]) for one in watched} == {
        (namespace, metric, dimension)
    }
    assert sorted(one["Dimensions"][0]["Value"] for one in watched) == FUNCTIONS


@pytest.mark.parametrize("alarm", SUMS)
def test_a_function_without_data_does_not_silence_the_sum(alarm: str) -> None:
    [total, *parts] = alarms()[alarm]["Metrics"]
    filled = ", ".join(f"FILL({part['Id']}, 0)" for part in parts)
    assert (total["Expression"], total["ReturnData"]) == (f"SUM([{filled}])", True)


@pytest.mark.parametrize("alarm", SUMS)
def test_an_alarm_uses_no_more_metrics_than_cloudwatch_allows(alarm: str) -> None:
    assert sum("MetricStat" in one for one in alarms()[alarm]["Metrics"]) <= 10


def test_the_metric_of_failures_is_one_that_functions_write() -> None:
    assert telemetry.UNITS["Failures"] == "Count"


@pytest.mark.parametrize(
    ("alarm", "metric", "dimension"),
    [
        ("DeadUploadsAlarm", "ApproximateNumberOfMessagesVisible", "DeadUploads.QueueName"),
        ("DeadCompactionsAlarm", "ApproximateNumberOfMessagesVisible", "DeadCompactions.QueueName"),
        ("UploadAgeAlarm", "ApproximateAgeOfOldestMessage", "Uploads.QueueName"),
        ("SearchLatencyAlarm", "Duration", "SearchFunction"),
        ("ApiErrorsAlarm", "5xx", "Api"),
    ],
)
def test_an_alarm_watches_the_metric_of_its_resource(alarm: str, metric: str, dimension: str) -> None:
    assert alarms()[alarm]["MetricName"] == metric
    assert [one["Value"] for one in alarms()[alarm]["Dimensions"]] == [dimension]


def test_the_alarm_on_search_latency_watches_the_p99() -> None:
    assert alarms()["SearchLatencyAlarm"]["ExtendedStatistic"] == "p99"


def test_alarms_notify_the_topic_if_there_is_one() -> None:
    topic = "arn:aws:sns:us-east-1:000000000000:pager"
    notified = Deployed({"AlarmTopic": topic}).all("AWS::CloudWatch::Alarm")
    assert {name: alarm.get("AlarmActions") for name, alarm in notified.items()} == {name: [topic] for name in alarms()}
    assert not any("AlarmActions" in alarm for alarm in alarms().values())


def logs_of(function: str) -> dict[str, Any]:
    """Return the log group that a function writes to."""
    name = DEPLOYED.all("AWS::Lambda::Function")[function]["LoggingConfig"]["LogGroup"]
    return DEPLOYED.all("AWS::Logs::LogGroup")[name]


def test_every_function_has_a_log_group_whose_name_does_not_depend_on_it() -> None:
    names = {function: logs_of(function)["LogGroupName"] for function in FUNCTIONS}
    assert names == {name: f"/aws/lambda/vectord/{name.removesuffix('Function').lower()}" for name in FUNCTIONS}


def test_every_log_group_has_the_retention_time_of_the_parameter() -> None:
    groups = Deployed({"LogRetentionDays": "90"}).all("AWS::Logs::LogGroup").values()
    assert len(groups) == len(FUNCTIONS) + 1
    assert {group["RetentionInDays"] for group in groups} == {"90"}


def test_a_log_group_that_gets_another_name_is_kept() -> None:
    groups = DEPLOYED.whole("AWS::Logs::LogGroup").values()
    assert {group["UpdateReplacePolicy"] for group in groups} == {"Retain"}


def test_uploads_are_ingested_only_when_their_log_group_exists() -> None:
    [source] = DEPLOYED.whole("AWS::Lambda::EventSourceMapping").values()
    assert source["DependsOn"] == "IngestLogGroup"


def access_log(values: str) -> dict[str, str]:
    """Return a line of the API's access log in which every variable has one value."""
    settings = DEPLOYED.one("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]
    return dict(json.loads(re.sub(r"\$context[\w.]+", values, settings["Format"])))


def test_the_access_log_names_caller_address_route_status_and_latency() -> None:
    assert access_log("-").keys() >= {"requestId", "userArn", "subject", "sourceIp", "route", "status"}
    assert access_log("-").keys() >= {"responseLatency", "integrationLatency", "integrationError"}


def test_a_caller_cannot_write_into_the_access_log() -> None:
    variables = DEPLOYED.one("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]["Format"]
    assert not re.search(r"context\.(path|identity\.userAgent|domainName|error\.message)\b", variables)


def test_the_access_log_has_a_group_that_needs_no_policy_of_its_own() -> None:
    settings = DEPLOYED.one("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]
    assert settings["DestinationArn"] == "ApiLogGroup.Arn"
    assert DEPLOYED.all("AWS::Logs::LogGroup")["ApiLogGroup"]["LogGroupName"].startswith("/aws/vendedlogs/")


def shown_metrics(rows: list[Any]) -> set[tuple[str, str]]:
    """Return namespace and name of each metric in a widget, where "." and "..." repeat the row above."""
    found: set[tuple[str, str]] = set()
    namespace = name = ""
    for row in rows:
        if row[0] != "...":
            namespace, name = (above if new == "." else new for above, new in zip((namespace, name), row, strict=False))
        found.add((namespace, name))
    return found


def test_the_dashboard_shows_only_metrics_that_functions_write() -> None:
    board = json.loads(DEPLOYED.one("AWS::CloudWatch::Dashboard")["DashboardBody"])
    metrics = set().union(*(shown_metrics(widget["properties"]["metrics"]) for widget in board["widgets"]))
    ours = {name for namespace, name in metrics if namespace == telemetry.NAMESPACE}
    assert ours
    assert ours <= telemetry.UNITS.keys()


# ---- parameters


def test_searches_are_served_from_a_published_version() -> None:
    search = DEPLOYED.one("AWS::ApiGatewayV2::Api")["Body"]["paths"]["/indexes/{name}/search"]["post"]
    assert search["x-amazon-apigateway-integration"]["uri"].endswith("/functions/SearchFunctionAliaslive/invocations")


def test_provisioned_concurrency_and_tracing_are_off_by_default() -> None:
    assert "ProvisionedConcurrencyConfig" not in DEPLOYED.one("AWS::Lambda::Alias")
    assert not any("TracingConfig" in function for function in DEPLOYED.all("AWS::Lambda::Function").values())


def test_provisioned_concurrency_is_a_parameter() -> None:
    alias = Deployed({"ProvisionedConcurrency": "2"}).one("AWS::Lambda::Alias")
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
    assert DEPLOYED.one("AWS::Lambda::EventSourceMapping")["ScalingConfig"] == {}


def test_sqs_calls_ingest_no_more_often_than_its_reserved_concurrency_allows() -> None:
    source = Deployed({"IngestConcurrency": "7"}).one("AWS::Lambda::EventSourceMapping")
    assert source["ScalingConfig"] == {"MaximumConcurrency": "7"}


def test_the_maximum_of_shards_is_a_parameter() -> None:
    functions = Deployed({"MaxShards": "12"}).all("AWS::Lambda::Function")
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


@pytest.mark.parametrize(("parameter", "applied"), [("on", "PublishedVersions"), ("off", "None")])
def test_snap_start_is_a_parameter(parameter: str, applied: str) -> None:
    functions = Deployed({"SnapStart": parameter, "TmpSize": "512"}).all("AWS::Lambda::Function")
    assert functions["SearchFunction"]["SnapStart"] == {"ApplyOn": applied}


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_the_architecture_is_a_parameter(architecture: str) -> None:
    functions = Deployed({"Architecture": architecture}).all("AWS::Lambda::Function")
    assert {tuple(one["Architectures"]) for one in functions.values()} == {(architecture,)}


def test_memory_and_disk_are_parameters() -> None:
    functions = Deployed({"MemorySize": "2304", "TmpSize": "2048"}).all("AWS::Lambda::Function")
    own = [functions.pop(name) for name in ("CompactFunction", "ExportFunction")]
    assert {(one["MemorySize"], one["EphemeralStorage"]["Size"]) for one in functions.values()} == {("2304", "2048")}
    assert {(one["MemorySize"], one["EphemeralStorage"]["Size"]) for one in own} == {("3008", "4096")}


@pytest.mark.parametrize("verb", ["Compact", "Export"])
def test_memory_and_disk_of_compact_and_export_are_separate_parameters(verb: str) -> None:
    parameters = {f"{verb}MemorySize": "10240", f"{verb}TmpSize": "10239"}
    one = Deployed(parameters).all("AWS::Lambda::Function")[f"{verb}Function"]
    assert (one["MemorySize"], one["EphemeralStorage"]["Size"]) == ("10240", "10239")
