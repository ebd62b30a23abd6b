"""moto's tests of S3 Vectors, whose authors ran them against AWS: all of them pass on the stack."""

from collections.abc import Callable, Mapping

from tests.clients import suites
from tests.clients.sources import suite_of

CLIENT = "moto"
TESTS = 53


def test_motos_own_suite_passes_in_full(
    variables: Mapping[str, str], record_property: Callable[[str, object], None]
) -> None:
    variables = {**variables, "MOTO_TEST_ALLOW_AWS_REQUEST": "true"}
    outcome = suites.run_pytest(suite_of(CLIENT), "tests/test_s3vectors", variables)
    record_property("of its own suite passed", len(outcome.passed))
    assert (outcome.failed, outcome.skipped) == ({}, []), outcome.output
    assert len(outcome.passed) == TESTS
