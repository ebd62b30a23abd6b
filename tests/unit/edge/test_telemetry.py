"""The log lines of an invocation: one JSON object a line, with its metrics in the embedded metric format."""

import itertools
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tests.support.logs import log_line, log_lines
from vectord.edge import telemetry

IN_LAMBDA = SimpleNamespace(aws_request_id="request-1", function_name="search")


def test_a_line_names_the_invocation_and_the_id_that_the_caller_knows(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.begin(IN_LAMBDA, "gateway-1").info({"status": 200}, {})
    line = log_line(capsys)
    assert (line["level"], line["request"], line["correlation_id"]) == ("info", "request-1", "gateway-1")
    assert line["status"] == 200


def test_outside_lambda_a_line_has_metrics_but_does_not_declare_them(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.begin(None).info({}, {"Latency": 1.23456})
    line = log_line(capsys)
    assert (line["request"], line["Latency"]) == (None, 1.235)
    assert not {"_aws", "Function", "correlation_id"} & line.keys()


def test_metrics_are_declared_with_their_units_under_the_function(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.begin(IN_LAMBDA).info({}, {"Latency": 2.5, "Commits": 1})
    line = log_line(capsys)
    assert line["_aws"]["CloudWatchMetrics"] == [
        {
            "Namespace": "vectord",
            "Dimensions": [["Function"]],
            "Metrics": [{"Name": "Latency", "Unit": "Milliseconds"}, {"Name": "Commits", "Unit": "Count"}],
        }
    ]
    assert (line["Function"], line["Latency"], line["Commits"]) == ("search", 2.5, 1)


def test_metrics_that_were_not_measured_are_absent(capsys: pytest.CaptureFixture[str]) -> None:
    log = telemetry.begin(IN_LAMBDA)
    log.info({}, {"Latency": 1, "Commits": 1})
    log.info({}, {"Latency": 1})
    log.info({}, {})
    assert ["Commits" in line for line in log_lines(capsys)] == [True, False, False]


def test_one_line_can_hold_every_metric(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.begin(IN_LAMBDA).info({}, dict.fromkeys(telemetry.UNITS, 1))
    assert telemetry.UNITS.keys() <= log_line(capsys).keys()


def test_only_the_first_invocation_is_a_cold_start(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry, "_INVOCATIONS", itertools.count())
    first, second = telemetry.begin(IN_LAMBDA), telemetry.begin(IN_LAMBDA)
    for log in (first, first, second):
        log.info({}, {})
    assert [line["cold_start"] for line in log_lines(capsys)] == [True, True, False]


def test_an_error_is_logged_with_its_type_and_message(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.begin(IN_LAMBDA).error(KeyError("k"), "42")
    line = log_line(capsys)
    assert (line["level"], line["error"], line["message"]) == ("error", "KeyError", "42")


@pytest.mark.parametrize("text", ["\ud800", "\udcff", "ü😀", "two\nlines", "\u2028"])
def test_any_text_is_one_line_of_ascii(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.begin(IN_LAMBDA).info({"index": text}, {})
    out = capsys.readouterr().out
    assert out.isascii()
    assert (out.count("\n"), json.loads(out)["index"]) == (1, text)


def test_settings_of_powertools_do_not_change_a_line() -> None:
    settings = {"POWERTOOLS_SERVICE_NAME": "other", "POWERTOOLS_LOG_LEVEL": "ERROR", "POWERTOOLS_DEV": "1"}
    line = json.loads(_written_by("", settings))
    assert (line["index"], line["_aws"]["CloudWatchMetrics"][0]["Dimensions"]) == ("t", [["Function"]])
    assert "service" not in line


def test_the_root_logger_of_the_lambda_runtime_does_not_repeat_a_line() -> None:
    runtime = "import logging, sys; logging.basicConfig(stream=sys.stdout, level=logging.INFO)\n"
    assert _written_by(runtime, {}).count("\n") == 1


def _written_by(prologue: str, settings: dict[str, str]) -> str:
    """Return the stdout of a new process that runs `prologue` and then writes one line."""
    program = f"{prologue}from types import SimpleNamespace; from vectord.edge import telemetry\n" + (
        "telemetry.begin(SimpleNamespace(function_name='f')).info({'index': 't'}, {'Latency': 1})\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **settings}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return run.stdout
