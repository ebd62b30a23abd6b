"""Whatever a gateway does to the path of an ARN, a request reaches the resource that its client named, or none."""

from collections.abc import Iterator
from itertools import product
from urllib.parse import quote

import pytest

from tests.support import gateways
from tests.support.api import Api, in_memory
from tests.support.gateways import DECODERS, FAITHFUL
from tests.support.s3vectors import ARN_PREFIX, client

ROUTE = "GET /tags/{resourceArn+}"
BUCKET = f"{ARN_PREFIX}:bucket/films"
TAGS = {BUCKET: {"of": "bucket"}, f"{BUCKET}/index/all": {"of": "index"}}
# Behind the ARN of a bucket that exists; each could be lost on the way, so that the bucket would be left.
LOST = [
    "?",
    "?x",
    "#x",
    "/",
    "//",
    "/.",
    "/index/all/../..",
    "/index//all",
    "//index/all",
    "\x00",
    "\ufffd",
    "é",
    " ",
    "+",
]
# A pair decodes the whole path and the parameter. If neither is faithful, an event can be that of another ARN.
TRACEABLE = [pair for pair in product(DECODERS, DECODERS) if not set(pair).isdisjoint(FAITHFUL)]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("VECTORD_ARN_PREFIX", ARN_PREFIX)
        made = in_memory(tmp_path_factory.mktemp("sections"))
        index = {"dataType": "float32", "dimension": 2, "distanceMetric": "cosine"}
        client(made).create_vector_bucket(vectorBucketName="films", tags={"of": "bucket"})
        client(made).create_index(vectorBucketName="films", indexName="all", tags={"of": "index"}, **index)
        yield made


@pytest.mark.parametrize("arn", TAGS)
@pytest.mark.parametrize("safe", ["", ":/"])
def test_an_arn_is_found_however_its_path_is_decoded(api: Api, arn: str, safe: str) -> None:
    for decode_path, decode_parameter in product(DECODERS, DECODERS):
        event = gateways.event(ROUTE, f"/tags/{quote(arn, safe)}", decode_path, decode_parameter)
        answer = api.invoke(ROUTE, event)
        assert (answer.status, answer.json) == (200, {"tags": TAGS[arn]}), (decode_path, decode_parameter)


@pytest.mark.slow
@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("times", [1, 2])
def test_an_arn_with_something_behind_it_reaches_nothing(api: Api, lost: str, times: int) -> None:
    sent = BUCKET + lost
    for _ in range(times):
        sent = quote(sent, "")
    for pair in TRACEABLE:
        answer = api.invoke(ROUTE, gateways.event(ROUTE, f"/tags/{sent}", *pair))
        assert (answer.status, answer.json["__type"]) == (400, "ValidationException"), pair


@pytest.mark.parametrize("stage", ["$default", "prod"])
def test_a_stage_or_a_path_of_a_domain_may_come_first(api: Api, stage: str) -> None:
    prefixes = ["", "/v1", "/team/vectors"] + ([f"/{stage}"] if stage != "$default" else [])
    for prefix in prefixes:
        event = gateways.event(ROUTE, f"{prefix}/tags/{quote(BUCKET, '')}", gateways.once, gateways.once)
        event |= {"pathParameters": {"resourceArn": BUCKET}}
        event["requestContext"]["stage"] = stage
        assert api.invoke(ROUTE, event).json == {"tags": TAGS[BUCKET]}, prefix
