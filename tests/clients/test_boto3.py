"""boto3: its paginators, its exceptions, its retries, and the native API beside it on the same index."""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.clients import rows
from tools.stack.client import Client
from tools.stack.ministack import HOST
from tools.stack.stack import Stack

CLIENT = "boto3"


@pytest.fixture
def native(stack: Stack) -> Iterator[Client]:
    with closing(Client(HOST, stack.port, stack.path)) as client:
        yield client


def create(client: Any, bucket: str, index: str = "films", dimension: int = 2, **more: Any) -> dict[str, str]:
    target = {"vectorBucketName": bucket, "indexName": index}
    client.create_index(**target, dataType="float32", dimension=dimension, distanceMetric="cosine", **more)
    return target


def vector(key: str, *numbers: float, **metadata: Any) -> dict[str, Any]:
    return {"key": key, "data": {"float32": list(numbers)}} | ({"metadata": metadata} if metadata else {})


def keys(pages: Any) -> list[str]:
    return [found["key"] for page in pages for found in page["vectors"]]


def test_the_paginator_of_list_vectors_returns_each_vector_once(s3vectors: Any, filled: tuple[str, str]) -> None:
    target = {"vectorBucketName": filled[0], "indexName": filled[1]}
    paginator = s3vectors.get_paginator("list_vectors")
    assert sorted(keys(paginator.paginate(**target))) == rows.KEYS
    pages = list(paginator.paginate(**target, returnMetadata=True, PaginationConfig={"PageSize": 999}))
    assert sorted(keys(pages)) == rows.KEYS
    assert {len(found["metadata"]["_page_content"]) for page in pages for found in page["vectors"]} == {len(rows.TEXT)}


def test_a_list_resumes_at_the_token_of_an_earlier_one(s3vectors: Any, filled: tuple[str, str]) -> None:
    target = {"vectorBucketName": filled[0], "indexName": filled[1]}
    paginator = s3vectors.get_paginator("list_vectors")
    first = paginator.paginate(**target, PaginationConfig={"PageSize": 700, "MaxItems": 1_000})
    found = keys(first)
    rest = paginator.paginate(**target, PaginationConfig={"StartingToken": first.resume_token})
    assert len(found) == 1_000
    assert sorted([*found, *keys(rest)]) == rows.KEYS


def test_sixteen_segments_list_disjoint_parts_at_the_same_time(s3vectors: Any, filled: tuple[str, str]) -> None:
    target = {"vectorBucketName": filled[0], "indexName": filled[1]}

    def segment(number: int) -> list[str]:
        paginator = s3vectors.get_paginator("list_vectors")
        return keys(paginator.paginate(**target, segmentCount=16, segmentIndex=number, maxResults=100))

    with ThreadPoolExecutor(2) as pool:
        assert sorted(itertools.chain.from_iterable(pool.map(segment, range(16)))) == rows.KEYS


def test_the_paginator_of_query_vectors_returns_each_vector_once_in_the_order_of_the_distance(
    s3vectors: Any, filled: tuple[str, str]
) -> None:
    query = {"vectorBucketName": filled[0], "indexName": filled[1], "queryVector": {"float32": rows.ORIGIN}}
    paginator = s3vectors.get_paginator("query_vectors")
    pages = list(paginator.paginate(**query, topK=rows.COUNT, returnMetadata=True, returnDistance=True))
    assert len(pages) > 1, "7.5 MB of metadata do not fit into one answer"
    assert keys(pages) == rows.KEYS
    distances = [found["distance"] for page in pages for found in page["vectors"]]
    assert distances == sorted(distances)
    even = paginator.paginate(**query, topK=2_000, returnMetadata=True, filter={"even": {"$eq": True}})
    assert keys(even) == rows.KEYS[::2]


def test_texts_are_searched_and_joined_with_vectors(s3vectors: Any, bucket: str) -> None:
    films = create(s3vectors, bucket, metadataConfiguration={"nonFilterableMetadataKeys": ["plot"]})
    plots = {"alien": "No one can hear you scream", "heat": "A heist in Los Angeles", "blank": "A scream, a scream"}
    stored = [vector(key, 1, place, plot=plot) for place, (key, plot) in enumerate(plots.items())]
    s3vectors.put_vectors(**films, vectors=stored)
    added = {"textSearchConfigurations": [{"metadataKey": "plot", "language": "en"}]}
    s3vectors.update_metadata_configuration(**films, add=added)
    shown = s3vectors.get_index(**films)["index"]["metadataConfiguration"]["textSearchConfigurations"]
    assert shown == [{"metadataKey": "plot", "language": "en", "status": "ACTIVE"}]
    query = {**films, "topK": 3, "queryTexts": [{"metadataKey": "plot", "text": "the screams"}], "returnScores": True}
    by_words = s3vectors.query_vectors(**query)["vectors"]
    assert keys([{"vectors": by_words}]) == ["blank", "alien"]
    assert [one["scores"].keys() for one in by_words] == [{"bm25Scores"}] * 2
    hybrid = s3vectors.query_vectors(**query, queryVector={"float32": [1, 0]})["vectors"]
    assert [one["scores"]["fused"] for one in hybrid] == sorted(
        (one["scores"]["fused"] for one in hybrid), reverse=True
    )
    assert keys([{"vectors": hybrid}]) == ["alien", "blank", "heat"]
    s3vectors.update_metadata_configuration(**films, delete={"textSearchConfigurations": [{"metadataKey": "plot"}]})
    with pytest.raises(s3vectors.exceptions.ValidationException, match="no text search configuration") as refused:
        s3vectors.query_vectors(**query)
    assert refused.value.response["fieldList"][0]["path"] == "queryTexts[0].metadataKey"


def test_the_paginators_of_buckets_and_indexes_list_names_in_order(s3vectors: Any, bucket: str) -> None:
    for name in ("page-c", "page-a", "other", "page-b"):
        create(s3vectors, bucket, name)
    paginator = s3vectors.get_paginator("list_indexes")
    pages = paginator.paginate(vectorBucketName=bucket, prefix="page-", PaginationConfig={"PageSize": 1})
    assert [one["indexName"] for page in pages for one in page["indexes"]] == ["page-a", "page-b", "page-c"]
    buckets = s3vectors.get_paginator("list_vector_buckets").paginate(PaginationConfig={"PageSize": 1})
    names = [one["vectorBucketName"] for page in buckets for one in page["vectorBuckets"]]
    assert bucket in names
    assert names == sorted(set(names))


def test_errors_arrive_as_the_exceptions_of_the_client(s3vectors: Any, bucket: str) -> None:
    target = create(s3vectors, bucket)
    with pytest.raises(s3vectors.exceptions.ConflictException):
        create(s3vectors, bucket)
    with pytest.raises(s3vectors.exceptions.ConflictException):
        s3vectors.delete_vector_bucket(vectorBucketName=bucket)
    with pytest.raises(s3vectors.exceptions.NotFoundException):
        s3vectors.get_index(vectorBucketName=bucket, indexName="missing")
    with pytest.raises(s3vectors.exceptions.AccessDeniedException):
        s3vectors.get_vector_bucket(vectorBucketArn=f"arn:aws:s3vectors:us-east-1:111111111111:bucket/{bucket}")
    with pytest.raises(s3vectors.exceptions.ValidationException) as refused:
        s3vectors.put_vectors(**target, vectors=[vector("a", 1, 0), vector("b", float("nan"), 0)])
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert s3vectors.list_vectors(**target)["vectors"] == []


def test_both_apis_see_the_rows_that_either_writes(s3vectors: Any, native: Client, bucket: str) -> None:
    target, path = create(s3vectors, bucket), f"/indexes/{bucket}_films"
    s3vectors.put_vectors(**target, vectors=[vector("alien", 1, 0, year=1979)])
    native.call("POST", f"{path}/vectors", {"vectors": [{"id": "heat", "vector": [0, 1], "metadata": {"year": 1995}}]})
    found = native.call("POST", f"{path}/search", {"vector": [1, 0.1], "k": 5}).body["matches"]
    assert [match["id"] for match in found] == ["alien", "heat"]
    query = {"queryVector": {"float32": [0.1, 1]}, "topK": 5, "returnMetadata": True}
    assert s3vectors.query_vectors(**target, **query)["vectors"] == [
        {"key": "heat", "metadata": {"year": 1995}},
        {"key": "alien", "metadata": {"year": 1979}},
    ]
    s3vectors.put_vectors(**target, vectors=[vector("heat", 0, 1)])
    assert native.look_up(f"{bucket}_films", "heat").body["vectors"][0].get("metadata") in (None, {})
    native.delete(f"{bucket}_films", "alien")
    assert [one["key"] for one in s3vectors.list_vectors(**target)["vectors"]] == ["heat"]


def test_both_apis_write_to_one_index_at_the_same_time_and_no_row_is_lost(
    s3vectors: Any, stack: Stack, bucket: str
) -> None:
    target = create(s3vectors, bucket)

    def put(number: int) -> None:
        s3vectors.put_vectors(**target, vectors=[vector(f"s3vectors-{number}", 1, number)])

    def add(number: int) -> None:
        with closing(Client(HOST, stack.port, stack.path)) as native:
            native.call(
                "POST",
                f"/indexes/{bucket}_films/vectors",
                {"vectors": [{"id": f"native-{number}", "vector": [1, number]}]},
            )

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(write, number) for number in range(10) for write in (put, add)]
    assert [future.exception() for future in done] == [None] * 20
    listed = {one["key"] for one in s3vectors.list_vectors(**target)["vectors"]}
    assert listed == {f"{api}-{number}" for api in ("s3vectors", "native") for number in range(10)}


@contextmanager
def overloaded(upstream: str, refusals: int) -> Iterator[tuple[str, list[int]]]:
    """Serve an API that answers 503 to the first `refusals` requests and then is the one at `upstream`."""
    target, statuses = urlsplit(upstream), []

    class Front(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if len(statuses) < refusals:
                # What API Gateway answers when Lambda has no instance left.
                status, answer = 503, b'{"message":"Service Unavailable"}'
            else:
                with closing(HTTPConnection(target.hostname, target.port)) as connection:
                    connection.request("POST", target.path + self.path, body, dict(self.headers))
                    response = connection.getresponse()
                    status, answer = response.status, response.read()
            statuses.append(status)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((HOST, 0), Front) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}", statuses
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
def test_each_mode_of_retries_repeats_what_was_answered_with_503(
    s3vectors: Any, stack: Stack, bucket: str, mode: str
) -> None:
    target = create(s3vectors, bucket)
    with overloaded(stack.url, refusals=2) as (url, statuses):
        settings = Config(retries={"mode": mode, "total_max_attempts": 4})
        client = boto3.client("s3vectors", endpoint_url=url, config=settings)
        client.put_vectors(**target, vectors=[vector("a", 1, 0)])
        assert statuses == [503, 503, 200]
    assert [one["key"] for one in s3vectors.list_vectors(**target)["vectors"]] == ["a"]


def test_a_request_that_is_wrong_is_not_repeated(s3vectors: Any, stack: Stack, bucket: str) -> None:
    with overloaded(stack.url, refusals=0) as (url, statuses):
        client = boto3.client("s3vectors", endpoint_url=url, config=Config(retries={"mode": "adaptive"}))
        with pytest.raises(ClientError):
            client.get_index(vectorBucketName=bucket, indexName="missing")
        assert statuses == [404]


def test_the_stage_in_the_path_of_the_endpoint_is_kept(stack: Stack, s3vectors: Any, bucket: str) -> None:
    assert urlsplit(stack.url).path.endswith("/$default")
    sent = []
    client = boto3.client("s3vectors", endpoint_url=f"{stack.url}/")
    client.meta.events.register("before-send", lambda request, **_: sent.append(request.url))
    arn = client.get_vector_bucket(vectorBucketName=bucket)["vectorBucket"]["vectorBucketArn"]
    client.list_tags_for_resource(resourceArn=arn)
    assert sent[0] == f"{stack.url}/GetVectorBucket"
    assert sent[1].startswith(f"{stack.url}/tags/arn%3Aaws%3As3vectors%3A")
