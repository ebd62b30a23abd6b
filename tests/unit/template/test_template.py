"""What a deployment makes, from template.yaml as SAM's translator expands it."""

import json
from typing import Any

import pytest

from tests.support.deployed import Deployed
from vectord.edge import telemetry

DEPLOYED = Deployed({})
FUNCTIONS = sorted(DEPLOYED.all("AWS::Lambda::Function"))
BUCKETS = sorted(DEPLOYED.all("AWS::S3::Bucket"))
ALARMS = DEPLOYED.all("AWS::CloudWatch::Alarm")

# ---- what is stored


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
def test_a_bucket_keeps_old_versions_for_a_time(bucket: str) -> None:
    properties = DEPLOYED.all("AWS::S3::Bucket")[bucket]
    [rule, *_] = properties["LifecycleConfiguration"]["Rules"]
    assert (properties["VersioningConfiguration"]["Status"], rule["Status"]) == ("Enabled", "Enabled")
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_bucket_drops_uploads_that_were_never_finished(bucket: str) -> None:
    [rule, *_] = DEPLOYED.all("AWS::S3::Bucket")[bucket]["LifecycleConfiguration"]["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_bucket_outlives_its_stack(bucket: str) -> None:
    resource = DEPLOYED.whole("AWS::S3::Bucket")[bucket]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_bucket_refuses_plain_http(bucket: str) -> None:
    policies = {policy["Bucket"]: policy for policy in DEPLOYED.all("AWS::S3::BucketPolicy").values()}
    [statement] = policies[bucket]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Resource"] == [f"{bucket}.Arn", f"{bucket}.Arn/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_plain_http_is_let_through_only_where_that_is_asked_for() -> None:
    assert not Deployed({"TlsOnly": "false"}).all("AWS::S3::BucketPolicy")


# ---- ingestion


def test_uploads_reach_the_queue_and_reports_do_not() -> None:
    [queue] = DEPLOYED.all("AWS::S3::Bucket")["Inbox"]["NotificationConfiguration"]["QueueConfigurations"]
    assert (queue["Event"], queue["Queue"]) == ("s3:ObjectCreated:*", "Uploads.Arn")
    assert queue["Filter"]["S3Key"]["Rules"] == [{"Name": "prefix", "Value": "uploads/"}]


def test_a_message_that_fails_comes_again_and_ends_in_the_dead_letter_queue() -> None:
    queues = DEPLOYED.all("AWS::SQS::Queue")
    redrive = queues["Uploads"]["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == "DeadUploads.Arn"
    assert redrive["maxReceiveCount"] >= 5  # Lambda's advice, lest throttling kills messages


@pytest.mark.parametrize("queue", ["DeadUploads", "DeadCompactions"])
def test_a_dead_message_is_kept_as_long_as_sqs_can(queue: str) -> None:
    assert DEPLOYED.all("AWS::SQS::Queue")[queue]["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_a_message_stays_hidden_for_six_times_as_long_as_the_function_may_run() -> None:
    timeout = DEPLOYED.all("AWS::Lambda::Function")["IngestFunction"]["Timeout"]
    assert DEPLOYED.all("AWS::SQS::Queue")["Uploads"]["VisibilityTimeout"] >= 6 * timeout


def test_one_bad_message_does_not_bring_the_others_of_its_batch_again() -> None:
    source = DEPLOYED.one("AWS::Lambda::EventSourceMapping")
    assert (source["EventSourceArn"], source["FunctionName"]) == ("Uploads.Arn", "IngestFunction")
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


# ---- compaction


def test_a_compaction_that_fails_is_repeated_twice_and_then_set_aside() -> None:
    config = DEPLOYED.one("AWS::Lambda::EventInvokeConfig")
    assert (config["FunctionName"], config["MaximumRetryAttempts"]) == ("CompactFunction", 2)
    assert config["DestinationConfig"] == {"OnFailure": {"Destination": "DeadCompactions.Arn"}}


def test_a_compaction_has_all_the_time_that_lambda_gives() -> None:
    assert DEPLOYED.all("AWS::Lambda::Function")["CompactFunction"]["Timeout"] == 900


def test_whatever_changes_an_index_knows_who_compacts() -> None:
    functions = DEPLOYED.all("AWS::Lambda::Function")
    told = {
        name: function["Environment"]["Variables"]["VECTORD_COMPACT"]
        for name, function in functions.items()
        if "VECTORD_COMPACT" in function["Environment"]["Variables"]
    }
    assert told == dict.fromkeys(["AddFunction", "DeleteFunction", "IngestFunction"], "CompactFunction")


def test_a_function_is_told_the_disk_that_it_has() -> None:
    for function in DEPLOYED.all("AWS::Lambda::Function").values():
        told = function["Environment"]["Variables"]["VECTORD_TMP_MB"]
        assert told == function["EphemeralStorage"]["Size"]


# ---- operations


@pytest.mark.parametrize(("alarm", "metric"), [("ErrorsAlarm", "Errors"), ("ThrottlesAlarm", "Throttles")])
def test_an_alarm_sums_over_every_function(alarm: str, metric: str) -> None:
    [total, *parts] = ALARMS[alarm]["Metrics"]
    stats = {part["Id"]: part["MetricStat"] for part in parts}
    assert total["Expression"] == " + ".join(stats)
    assert {stat["Metric"]["MetricName"] for stat in stats.values()} == {metric}
    assert sorted(stat["Metric"]["Dimensions"][0]["Value"] for stat in stats.values()) == FUNCTIONS


@pytest.mark.parametrize(
    ("alarm", "metric", "dimension"),
    [
        ("DeadUploadsAlarm", "ApproximateNumberOfMessagesVisible", "DeadUploads.QueueName"),
        ("DeadCompactionsAlarm", "ApproximateNumberOfMessagesVisible", "DeadCompactions.QueueName"),
        ("UploadAgeAlarm", "ApproximateAgeOfOldestMessage", "Uploads.QueueName"),
        ("SearchLatencyAlarm", "Duration", "SearchFunction"),
    ],
)
def test_an_alarm_watches_what_it_is_named_for(alarm: str, metric: str, dimension: str) -> None:
    assert ALARMS[alarm]["MetricName"] == metric
    assert [one["Value"] for one in ALARMS[alarm]["Dimensions"]] == [dimension]


def test_slow_searches_are_told_by_the_slowest_hundredth() -> None:
    assert ALARMS["SearchLatencyAlarm"]["ExtendedStatistic"] == "p99"


def test_alarms_go_to_the_topic_where_there_is_one() -> None:
    topic = "arn:aws:sns:us-east-1:000000000000:pager"
    told = Deployed({"AlarmTopic": topic}).all("AWS::CloudWatch::Alarm")
    assert {name: alarm.get("AlarmActions") for name, alarm in told.items()} == {name: [topic] for name in ALARMS}
    assert not any("AlarmActions" in alarm for alarm in ALARMS.values())


def test_every_function_has_a_log_that_ends() -> None:
    groups = DEPLOYED.all("AWS::Logs::LogGroup").values()
    assert sorted(group["LogGroupName"] for group in groups) == [f"/aws/lambda/{name}" for name in FUNCTIONS]
    assert {group["RetentionInDays"] for group in groups} == {"30"}


def shown(rows: list[Any]) -> set[tuple[str, str]]:
    """Return namespace and name of each metric in a widget, where "." and "..." repeat the row above."""
    found: set[tuple[str, str]] = set()
    namespace = name = ""
    for row in rows:
        if row[0] != "...":
            namespace, name = (above if new == "." else new for above, new in zip((namespace, name), row, strict=False))
        found.add((namespace, name))
    return found


def test_the_dashboard_shows_metrics_that_functions_write() -> None:
    board = json.loads(DEPLOYED.one("AWS::CloudWatch::Dashboard")["DashboardBody"])
    metrics = set().union(*(shown(widget["properties"]["metrics"]) for widget in board["widgets"]))
    ours = {name for namespace, name in metrics if namespace == telemetry.NAMESPACE}
    assert ours
    assert ours <= telemetry.UNITS.keys()


# ---- choices that cost


def test_a_search_is_served_from_published_versions() -> None:
    search = DEPLOYED.one("AWS::ApiGatewayV2::Api")["Body"]["paths"]["/indexes/{name}/search"]["post"]
    assert search["x-amazon-apigateway-integration"]["uri"].endswith("/functions/SearchFunctionAliaslive/invocations")


def test_nothing_is_kept_started_and_nothing_is_traced_by_default() -> None:
    assert "ProvisionedConcurrencyConfig" not in DEPLOYED.one("AWS::Lambda::Alias")
    assert not any("TracingConfig" in function for function in DEPLOYED.all("AWS::Lambda::Function").values())


def test_searches_are_kept_started_where_that_is_asked_for() -> None:
    alias = Deployed({"ProvisionedConcurrency": "2"}).one("AWS::Lambda::Alias")
    assert alias["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": "2"}


@pytest.mark.parametrize(("asked", "applied"), [("on", "PublishedVersions"), ("off", "None")])
def test_snapshots_are_taken_where_that_is_asked_for(asked: str, applied: str) -> None:
    functions = Deployed({"SnapStart": asked, "TmpSize": "512"}).all("AWS::Lambda::Function")
    assert functions["SearchFunction"]["SnapStart"] == {"ApplyOn": applied}


@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_the_processor_is_a_choice(architecture: str) -> None:
    functions = Deployed({"Architecture": architecture}).all("AWS::Lambda::Function")
    assert {tuple(one["Architectures"]) for one in functions.values()} == {(architecture,)}


def test_memory_and_disk_are_choices() -> None:
    functions = Deployed({"MemorySize": "2304", "TmpSize": "2048"}).all("AWS::Lambda::Function")
    own = [functions.pop(name) for name in ("CompactFunction", "ExportFunction")]
    assert {(one["MemorySize"], one["EphemeralStorage"]["Size"]) for one in functions.values()} == {("2304", "2048")}
    assert {(one["MemorySize"], one["EphemeralStorage"]["Size"]) for one in own} == {("3008", "4096")}


@pytest.mark.parametrize("verb", ["Compact", "Export"])
def test_memory_and_disk_of_what_takes_more_are_choices_of_their_own(verb: str) -> None:
    asked = {f"{verb}MemorySize": "10240", f"{verb}TmpSize": "10239"}
    one = Deployed(asked).all("AWS::Lambda::Function")[f"{verb}Function"]
    assert (one["MemorySize"], one["EphemeralStorage"]["Size"]) == ("10240", "10239")
