"""The AWS SDK for JavaScript with its paginators; the tests are in javascript/s3vectors.test.js."""

import json
from collections.abc import Callable, Mapping

from tests.clients import suites
from tests.clients.sources import JAVASCRIPT, packages_of_npm

_NAME = "@aws-sdk/client-s3vectors"
CLIENT = f"{_NAME} {json.loads((JAVASCRIPT / 'package.json').read_text())['dependencies'][_NAME]}"


def test_the_tests_in_javascript_pass(
    filled: tuple[str, str], variables: Mapping[str, str], record_property: Callable[[str, object], None]
) -> None:
    outcome = suites.run_node(packages_of_npm(), "s3vectors.test.js", {**variables, "FILLED": "/".join(filled)})
    record_property("in JavaScript passed", len(outcome.passed))
    assert (outcome.failed, outcome.skipped) == ({}, []), outcome.output
    written = (JAVASCRIPT / "s3vectors.test.js").read_text().count("\ntest(")
    assert len(outcome.passed) == written
