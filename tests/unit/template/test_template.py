"""The storage, ingestion and compaction of a deployment, from template.yaml after SAM's translator expanded it."""

import json

import pytest

from tests.support import template
from tests.support.deployed import OTHER, Deployed
from tools.command.paths import TEMPLATE
from tools.stack.template import load

DEPLOYED = Deployed({})
BUCKETS = sorted(template.resources("AWS::S3::Bucket"))


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
@pytest.mark.parametrize(("deployed", "days"), [(DEPLOYED, "3"), (OTHER, "30")], ids=["3", "30"])
def test_a_bucket_keeps_old_versions_for_as_many_days_as_the_parameter_says(
    bucket: str, deployed: Deployed, days: str
) -> None:
    properties = deployed.all("AWS::S3::Bucket")[bucket]
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
    ("deployed", "days"),
    [(DEPLOYED, ["30"]), (OTHER, ["365"]), (Deployed({"UploadDays": "0"}), [])],
    ids=["30", "365", "0"],
)
def test_uploads_and_reports_expire_after_as_many_days_as_the_parameter_says(
    prefix: str, deployed: Deployed, days: list[str]
) -> None:
    rules = deployed.all("AWS::S3::Bucket")["Inbox"]["LifecycleConfiguration"]["Rules"]
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
    assert not OTHER.all("AWS::S3::BucketPolicy")


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


def test_the_visibility_timeout_is_six_times_the_timeout_of_the_function_and_the_longest_wait_for_a_batch() -> None:
    timeout = DEPLOYED.all("AWS::Lambda::Function")["IngestFunction"]["Timeout"]
    longest = load(TEMPLATE)["Parameters"]["IngestBatchSeconds"]["MaxValue"]
    assert DEPLOYED.all("AWS::SQS::Queue")["Uploads"]["VisibilityTimeout"] >= 6 * timeout + longest


@pytest.mark.parametrize(("queue", "function"), [("Uploads", "IngestFunction"), ("Changes", "AddFunction")])
def test_a_failed_message_does_not_cause_redelivery_of_its_batch(queue: str, function: str) -> None:
    source = DEPLOYED.all("AWS::Lambda::EventSourceMapping")[f"{function}{queue}"]
    assert (source["EventSourceArn"], source["FunctionName"]) == (f"{queue}.Arn", function)
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_a_change_has_all_of_the_time_of_its_function_and_is_not_delivered_again_meanwhile() -> None:
    assert DEPLOYED.all("AWS::Lambda::EventSourceMapping")["AddFunctionChanges"]["BatchSize"] == 1
    timeout = DEPLOYED.all("AWS::Lambda::Function")["AddFunction"]["Timeout"]
    assert DEPLOYED.all("AWS::SQS::Queue")["Changes"]["VisibilityTimeout"] == 6 * timeout


def test_a_change_that_fails_five_times_is_a_dead_letter() -> None:
    redrive = DEPLOYED.all("AWS::SQS::Queue")["Changes"]["RedrivePolicy"]
    assert redrive == {"deadLetterTargetArn": "DeadChanges.Arn", "maxReceiveCount": 5}


# ---- compaction


def test_a_failed_compaction_is_retried_twice_and_then_moves_to_the_dead_letter_queue() -> None:
    config = DEPLOYED.one("AWS::Lambda::EventInvokeConfig")
    assert (config["FunctionName"], config["MaximumRetryAttempts"]) == ("CompactFunction", 2)
    assert config["DestinationConfig"] == {"OnFailure": {"Destination": "DeadCompactions.Arn"}}


def test_a_compaction_may_run_for_15_minutes() -> None:
    assert DEPLOYED.all("AWS::Lambda::Function")["CompactFunction"]["Timeout"] == 900


def test_versions_are_thinned_once_an_hour() -> None:
    rule = DEPLOYED.one("AWS::Events::Rule")
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 hour)", "ENABLED")
    [target] = rule["Targets"]
    assert (target["Arn"], json.loads(target["Input"])) == ("CompactFunction.Arn", {"thin": "all"})


@pytest.mark.parametrize(("thin", "state", "days"), [("true", "ENABLED", "30"), ("false", "DISABLED", 0)])
def test_thinning_is_a_parameter(thin: str, state: str, days: object) -> None:
    deployed = Deployed({"ThinVersions": thin, "VersionDays": "30"})
    variables = deployed.all("AWS::Lambda::Function")["CompactFunction"]["Environment"]["Variables"]
    assert (deployed.one("AWS::Events::Rule")["State"], variables["VECTORD_VERSION_DAYS"]) == (state, days)


def test_functions_that_change_indexes_can_request_a_compaction() -> None:
    functions = DEPLOYED.all("AWS::Lambda::Function")
    targets = {
        name: function["Environment"]["Variables"]["VECTORD_COMPACT"]
        for name, function in functions.items()
        if "VECTORD_COMPACT" in function["Environment"]["Variables"]
    }
    assert targets == dict.fromkeys(
        ["AddFunction", "DeleteFunction", "IngestFunction", "S3VectorsFunction"], "CompactFunction"
    )


def test_a_function_knows_the_size_of_its_disk() -> None:
    for function in DEPLOYED.all("AWS::Lambda::Function").values():
        megabytes = function["Environment"]["Variables"]["VECTORD_TMP_MB"]
        assert megabytes == function["EphemeralStorage"]["Size"]
