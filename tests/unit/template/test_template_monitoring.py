"""Alarms, logs and the dashboard of a deployment, from template.yaml after SAM's translator expanded it."""

import json
import re
from typing import Any

import pytest

from tests.support import template
from tests.support.deployed import OTHER, Deployed
from vectord.edge import telemetry

pytestmark = pytest.mark.slow  # the template is expanded for each test

DEPLOYED = Deployed({})
FUNCTIONS = sorted(template.resources("AWS::Serverless::Function"))


def alarms() -> dict[str, dict[str, Any]]:
    return DEPLOYED.all("AWS::CloudWatch::Alarm")


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
    groups = OTHER.all("AWS::Logs::LogGroup").values()
    assert len(groups) == len(FUNCTIONS) + 1
    assert {group["RetentionInDays"] for group in groups} == {"90"}


def test_a_log_group_that_gets_another_name_is_kept() -> None:
    groups = DEPLOYED.whole("AWS::Logs::LogGroup").values()
    assert {group["UpdateReplacePolicy"] for group in groups} == {"Retain"}


def test_messages_are_delivered_only_when_the_log_group_of_the_function_exists() -> None:
    sources = DEPLOYED.whole("AWS::Lambda::EventSourceMapping")
    assert {name: source["DependsOn"] for name, source in sources.items()} == {
        "IngestFunctionUploads": "IngestLogGroup",
        "AddFunctionChanges": "AddLogGroup",
    }


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
