"""What Lambda's API answers, over a real wire, and what it means."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support.wire import Wire, answers, hangs, resets, wire
from vectord.errors import FunctionBusy, StoreRefused, StoreUnavailable
from vectord.storage.lambda_invoke import Functions, endpoint_of
from vectord.storage.s3.sigv4 import Keys

KEYS = Keys("AKIAIOSFODNN7EXAMPLE", "secret", "token")


@pytest.fixture
def lambdas() -> Iterator[Wire]:
    with wire() as wired:
        yield wired


@pytest.fixture
def functions(lambdas: Wire) -> Functions:
    return Functions(lambdas.endpoint, "eu-central-1", lambda: KEYS)


def test_a_call_is_a_synchronous_invocation_by_alias(lambdas: Wire, functions: Functions) -> None:
    lambdas.answer = answers(200, b'"done"')
    assert functions.call("search:$LATEST", b"{}", 5) == b'"done"'
    assert lambdas.requests == ["POST /2015-03-31/functions/search%3A%24LATEST/invocations"]
    assert lambdas.headers[0]["X-Amz-Invocation-Type"] == "RequestResponse"


def test_it_is_signed_as_botocore_signs_it(lambdas: Wire, functions: Functions) -> None:
    functions.call("search:live", b'{"a": 1}', 5)
    sent = lambdas.headers[0]
    request = AWSRequest("POST", f"{lambdas.endpoint}/2015-03-31/functions/search%3Alive/invocations", data=b'{"a": 1}')
    request.headers["X-Amz-Content-SHA256"] = sent["X-Amz-Content-SHA256"]
    signer = SigV4Auth(Credentials(KEYS.access, KEYS.secret, KEYS.token), "lambda", "eu-central-1")
    at = datetime.strptime(sent["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    request.context["timestamp"] = sent["X-Amz-Date"]
    request.headers["X-Amz-Date"] = sent["X-Amz-Date"]
    request.headers["X-Amz-Security-Token"] = KEYS.token
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert sent["Authorization"].endswith(f"Signature={signer.signature(text, request)}")
    assert abs((datetime.now(UTC) - at).total_seconds()) < 60


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, FunctionBusy),
        (500, StoreUnavailable),
        (502, StoreUnavailable),
        (503, StoreUnavailable),
        (403, StoreRefused),
        (404, StoreRefused),
        (413, StoreRefused),
        (202, StoreUnavailable),
    ],
)
def test_an_answer_is_told_by_its_status(
    lambdas: Wire, functions: Functions, status: int, error: type[Exception]
) -> None:
    lambdas.answer = answers(status, b'{"Message": "200"}')
    with pytest.raises(error):
        functions.call("f", b"{}", 5)
    assert len(lambdas.requests) == 1


def test_a_function_that_failed_gave_no_answer(lambdas: Wire, functions: Functions) -> None:
    lambdas.answer = answers(200, b'{"errorMessage": "out of memory"}', **{"X-Amz-Function-Error": "Unhandled"})
    with pytest.raises(StoreUnavailable):
        functions.call("f", b"{}", 5)


def test_a_refusal_names_the_kind_of_error(lambdas: Wire, functions: Functions) -> None:
    lambdas.answer = answers(403, b"{}", **{"x-amzn-ErrorType": "AccessDeniedException"})
    with pytest.raises(StoreRefused, match="AccessDeniedException"):
        functions.call("f", b"{}", 5)


def test_a_connection_that_breaks_leaves_the_outcome_unknown(lambdas: Wire, functions: Functions) -> None:
    lambdas.answer = resets
    with pytest.raises(StoreUnavailable):
        functions.call("f", b"{}", 5)


def test_it_waits_as_long_as_it_is_told(lambdas: Wire, functions: Functions) -> None:
    lambdas.answer = hangs(lambdas)
    with pytest.raises(StoreUnavailable):
        functions.call("f", b"{}", 0.2)


def test_nobody_there_means_that_nothing_ran() -> None:
    with pytest.raises(FunctionBusy):
        Functions("http://127.0.0.1:9", "eu-central-1", lambda: KEYS).call("f", b"{}", 5)


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("eu-central-1", "https://lambda.eu-central-1.amazonaws.com"),
        ("cn-north-1", "https://lambda.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_a_region_has_its_endpoint(region: str, url: str) -> None:
    assert endpoint_of(region) == url
