"""What boto3 sends with the files of assets/botocore, and in the other ways to sign of docs/s3vectors.md."""

import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore
import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ParamValidationError
from botocore.loaders import Loader

from tests.support.backends import CREDENTIALS
from tests.support.pages import text_of

ASSETS = Path(__file__).parents[3] / "assets/botocore"
GATEWAY = "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/live"
THRESHOLD = 10_240  # bytes; botocore compresses from here on, unless it is configured otherwise


@dataclass(frozen=True)
class Sent:
    """A request as botocore sends it."""

    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def service(self) -> str:
        """The service for which the request is signed."""
        return self.headers["Authorization"].split("/")[3]


@pytest.fixture(autouse=True)
def _account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have credentials, no configuration files and no folder of models."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("AWS_DATA_PATH", raising=False)


@pytest.fixture
def with_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DATA_PATH", str(ASSETS))


def client(endpoint: str | None = GATEWAY) -> Any:
    """Return a client of a new session: botocore loads its models once for each session."""
    return boto3.Session(botocore_session=botocore.session.Session()).client("s3vectors", endpoint_url=endpoint)


def sent(made: Any, call: Callable[[Any], object]) -> Sent:
    """Return the request that a call sends, and answer it with an empty object."""
    requests: list[AWSPreparedRequest] = []

    def capture(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        requests.append(request)
        answer = AWSResponse(request.url, 200, {}, None)
        answer._content = b"{}"
        return answer

    made.meta.events.register("before-send.s3vectors", capture)
    call(made)
    made.meta.events.unregister("before-send.s3vectors", capture)
    [request] = requests
    headers = {name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()}
    return Sent(request.url, headers, request.body or b"")


def put(components: int) -> Callable[[Any], object]:
    vectors = [{"key": "k", "data": {"float32": [0.5] * components}}]
    return lambda made: made.put_vectors(vectorBucketName="films", indexName="plots", vectors=vectors)


def tags(made: Any) -> object:
    return made.list_tags_for_resource(resourceArn="arn:aws:s3vectors:us-east-1:123456789012:bucket/films")


@pytest.mark.usefixtures("with_files")
@pytest.mark.parametrize("call", [put(3), put(4_096), tags])
def test_the_files_sign_for_api_gateway(call: Callable[[Any], object]) -> None:
    assert sent(client(), call).service == "execute-api"


@pytest.mark.usefixtures("with_files")
def test_the_files_leave_the_signature_for_amazon_s3_vectors_itself_as_it_is() -> None:
    request = sent(client(endpoint=None), put(3))
    assert (request.service, request.headers["Content-Type"]) == ("s3vectors", "application/json")


@pytest.mark.usefixtures("with_files")
def test_the_files_compress_a_put_above_the_threshold() -> None:
    request = sent(client(), put(4_096))
    assert request.headers["Content-Encoding"] == "gzip"
    body = gzip.decompress(request.body)
    assert len(body) > THRESHOLD
    assert len(json.loads(body)["vectors"][0]["data"]["float32"]) == 4_096


@pytest.mark.usefixtures("with_files")
def test_the_files_send_a_type_that_api_gateway_passes_on_as_base64() -> None:
    """An HTTP API passes application/json on as text, which damages compressed bytes."""
    assert sent(client(), put(4_096)).headers["Content-Type"] == "application/octet-stream"


@pytest.mark.usefixtures("with_files")
def test_the_files_leave_a_small_put_uncompressed() -> None:
    request = sent(client(), put(3))
    assert "Content-Encoding" not in request.headers
    assert json.loads(request.body)["vectors"][0]["key"] == "k"


def test_the_folder_is_named_after_the_version_of_the_service_in_botocore() -> None:
    versions = Loader().list_api_versions("s3vectors", "service-2")
    assert [path.name for path in (ASSETS / "s3vectors").iterdir()] == versions


def test_the_rules_for_endpoints_differ_from_those_of_botocore_in_properties_and_headers_alone() -> None:
    [folder] = (ASSETS / "s3vectors").iterdir()
    ours = json.loads((folder / "endpoint-rule-set-1.sdk-extras.json").read_text())["merge"]["rules"]
    theirs = Loader().load_service_model("s3vectors", "endpoint-rule-set-1")["rules"]
    assert _without_additions(ours) == _without_additions(theirs)


def _without_additions(rules: Any) -> Any:
    if isinstance(rules, list):
        return [_without_additions(one) for one in rules]
    if isinstance(rules, dict):
        return {name: _without_additions(one) for name, one in rules.items() if name not in {"properties", "headers"}}
    return rules


def test_the_handler_of_events_that_the_page_shows_signs_for_api_gateway_and_compresses() -> None:
    [shown] = re.findall(r"```python\n(import gzip\n.*?)```", text_of("docs/s3vectors.md"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(shown.replace("https://API.execute-api.REGION.amazonaws.com", GATEWAY), names)
    small, large, plain = sent(names["client"], put(3)), sent(names["client"], put(4_096)), sent(client(), put(4_096))
    assert {small.service, large.service} == {"execute-api"}
    assert (small.headers["Content-Type"], "Content-Encoding" in small.headers) == ("application/json", False)
    assert large.headers["Content-Type"] == "application/octet-stream"
    assert gzip.decompress(large.body) == plain.body


def test_the_handlers_that_write_vectors_in_one_call_send_what_boto3_sends() -> None:
    [shown] = re.findall(r"```python\n(import json\n.*?)```", text_of("docs/s3vectors.md"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(shown.replace("https://API.execute-api.REGION.amazonaws.com", GATEWAY), names)
    vectors = [{"key": key, "data": {"float32": [0.1, 2, -3e-9]}, "metadata": {"n": [key, None]}} for key in "aÄ"]
    named = {"vectorBucketName": "films", "indexName": "plots", "vectors": vectors}
    ours, plain = (sent(made, lambda made: made.put_vectors(**named)) for made in (names["client"], client()))
    assert (ours.body, ours.headers["Content-Type"]) == (plain.body, plain.headers["Content-Type"])
    with pytest.raises(ParamValidationError):
        names["client"].put_vectors(vectorBucketName="films", indexName="plots")


def test_the_commands_of_the_page_install_the_files(tmp_path: Path) -> None:
    # `vectord` is not installed here; the client's own tests run its command.
    [(copied, exported)] = re.findall(
        r"^vectord s3vectors install +# or: (.+)\n(export .+)$", text_of("docs/s3vectors.md"), re.MULTILINE
    )
    code = (
        "import boto3; meta = boto3.client('s3vectors').meta; print(meta.service_model.signing_name, meta.endpoint_url)"
    )
    ran = subprocess.run(
        ["bash", "-euc", f'{copied}\n{exported}\n"$PYTHON" -c "{code}"'],
        cwd=ASSETS.parents[1],
        env={**CREDENTIALS, "HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "execute-api https://API.execute-api.REGION.amazonaws.com"


def test_an_endpoint_alone_signs_for_s3_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3VECTORS", GATEWAY)
    request = sent(client(endpoint=None), put(4_096))
    assert (request.service, request.url) == ("s3vectors", f"{GATEWAY}/PutVectors")
    assert "Content-Encoding" not in request.headers
