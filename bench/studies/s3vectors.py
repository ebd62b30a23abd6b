"""What the protocol of S3 Vectors costs beside the native API: `python bench/run.py s3vectors [--rounds N]`.

PutVectors of 500 x 384 and QueryVectors with topK 10, through boto3 over HTTP on the stack and through the handlers in
this process, beside add and search of the same rows, in one run. The sides alternate call by call. What boto3 needs to
encode a body is measured alone, because it is a cost of the client; docs/s3vectors.md shows handlers that save most of
it. The stack runs what `make build` made.
"""

import argparse
import json
import os
import re
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any

import boto3
import numpy as np
from botocore.config import Config

from bench.alone import imports
from bench.data import synthetic
from bench.handlers import event, load_handler, without_log
from bench.measure import machine
from bench.studies.s3vectors_bodies import (
    BASE64,
    BATCH,
    BODY,
    BUCKET,
    DIMENSION,
    HANDLERS,
    INDEXES,
    NUMBERS,
    PROTOCOL,
    QUERIES,
    Bodies,
    Json,
    K,
)
from tools.command.console import step, table
from tools.command.paths import ROOT
from tools.command.run import scratch_folder
from tools.stack.client import Client
from tools.stack.ministack import HOST
from tools.stack.stack import running_stack

ROWS = 10_000
LOADED = 2_500  # rows of each request that fills an index
WARM = 3  # calls of each side that are not counted
ONLY_OVER_HTTP = (HANDLERS, BODY)
PUTS, SEARCHES = f"PutVectors of {BATCH} x {DIMENSION}, and add", f"QueryVectors, topK {K}, and search"
PAGE = ROOT / "docs/s3vectors.md"
ARN_PREFIX = "arn:aws:s3vectors:us-east-1:000000000000"

type Call = Callable[[int], object]
type Times = Mapping[str, Sequence[float]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/run.py s3vectors", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20, help="puts of each side; ten times as many queries")
    rounds = parser.parse_args().rounds
    rows = synthetic(ROWS, DIMENSION, QUERIES)
    bodies = Bodies(rows.rows.vectors, rows.queries)
    table(("fact", "value"), machine())
    os.environ["VECTORD_ARN_PREFIX"] = ARN_PREFIX
    with step("in process", "each handler, over the store in memory"), without_log():
        in_process = _in_process(bodies, rounds)
    with scratch_folder() as folder, running_stack(folder) as stack:
        client = boto3.client("s3vectors", endpoint_url=stack.url, config=_plain(), **_KEYS)
        quick = _with_handlers(boto3.client("s3vectors", endpoint_url=stack.url, config=_plain(), **_KEYS))
        with closing(Client(HOST, stack.port, stack.path)) as api, step("HTTP", "boto3 beside the native API"):
            over_http = _over_http(client, quick, api, bodies, rounds)
        with step("client", "what boto3 needs to encode bodies"):
            encoding = _encoding(client, bodies, rounds)
    with step("imports", "of each handler, nine new interpreters each"):
        seconds = imports.measure()
    _print("over HTTP", over_http)
    _print("in this process", in_process)
    rows_of_client = [[name, *_figures(times)] for name, times in encoding.items()]
    table(("encoded by the client alone", "p50 ms", "p95 ms"), rows_of_client)
    table(("import of", "CPU ms"), [[name, f"{seconds[name] * 1_000:,.1f}"] for name in ("search", "s3vectors", "add")])
    table(("target", "at most", "measured"), _targets(over_http, seconds))


_KEYS: Mapping[str, Any] = {
    "region_name": "us-east-1",
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
}


def _plain() -> Config:
    return Config(retries={"total_max_attempts": 1}, disable_request_compression=True)


def _with_handlers(client: Any) -> Any:
    """Register the handlers of docs/s3vectors.md that write the vectors of a put with one call of `json`."""
    [shown] = re.findall(r"```python\n(import json\n.*?)client = ", PAGE.read_text("utf-8"), re.DOTALL)
    names: Json = {}
    exec(shown, names)
    client.meta.events.register("provide-client-params.s3vectors.PutVectors", names["take_vectors"])
    client.meta.events.register_first("before-call.s3vectors.PutVectors", names["write_vectors"])
    return client


def _create(client: Any) -> None:
    client.create_vector_bucket(vectorBucketName=BUCKET)
    for index in INDEXES.values():
        client.create_index(
            vectorBucketName=BUCKET, indexName=index, dataType="float32", dimension=DIMENSION, distanceMetric="cosine"
        )


def _over_http(client: Any, quick: Any, api: Client, bodies: Bodies, rounds: int) -> Mapping[str, Times]:
    _create(client)
    path = {side: f"/indexes/{BUCKET}_{index}" for side, index in INDEXES.items()}
    for side in INDEXES:
        for start in range(0, ROWS, LOADED):
            api.call("POST", f"{path[side]}/vectors", bodies.add(BASE64, start, LOADED))
    put, same_put, adds = bodies.put(), bodies.put(HANDLERS), {side: bodies.add(side) for side in (NUMBERS, BASE64)}
    queries = [bodies.query(number) for number in range(QUERIES)]
    encoded_put = json.dumps(bodies.put(BODY))
    encoded_queries = [json.dumps(bodies.query(number, BODY)) for number in range(QUERIES)]
    searches = {side: [bodies.search(number, side) for number in range(QUERIES)] for side in (NUMBERS, BASE64)}

    def native(side: str, action: str, sent: Sequence[Json]) -> Call:
        return lambda number: api.call("POST", f"{path[side]}/{action}", sent[number % len(sent)])

    def posted(operation: str, sent: Sequence[str]) -> Call:
        return lambda number: api.call("POST", f"/{operation}", sent[number % len(sent)])

    return {
        PUTS: _alternating(
            {
                PROTOCOL: lambda _: client.put_vectors(**put),
                HANDLERS: lambda _: quick.put_vectors(**same_put),
                BODY: posted("PutVectors", [encoded_put]),
                **{side: native(side, "vectors", [adds[side]]) for side in adds},
            },
            rounds,
        ),
        SEARCHES: _alternating(
            {
                PROTOCOL: lambda number: client.query_vectors(**queries[number % QUERIES]),
                BODY: posted("QueryVectors", encoded_queries),
                **{side: native(side, "search", searches[side]) for side in searches},
            },
            rounds * 10,
        ),
    }


def _in_process(bodies: Bodies, rounds: int) -> Mapping[str, Times]:
    protocol, add, search = (load_handler(name) for name in ("s3vectors", "add", "search"))

    def sent(operation: str, body: Json) -> Json:
        """Return the event of an operation of S3 Vectors."""
        made = event("", "", body)
        where = f"/{operation}"
        http = {**made["requestContext"], "http": {"method": "POST", "path": where}}
        return {**made, "routeKey": f"POST {where}", "rawPath": where, "pathParameters": {}, "requestContext": http}

    def done(answer: Json) -> Json:
        if answer["statusCode"] != 200:
            raise RuntimeError(answer["body"])
        return answer

    done(protocol(sent("CreateVectorBucket", {"vectorBucketName": BUCKET}), None))
    for index in (name for side, name in INDEXES.items() if side not in ONLY_OVER_HTTP):
        named = {"vectorBucketName": BUCKET, "indexName": index}
        kind = {"dataType": "float32", "dimension": DIMENSION, "distanceMetric": "cosine"}
        done(protocol(sent("CreateIndex", {**named, **kind}), None))
        for start in range(0, ROWS, LOADED):
            done(add(event("vectors", f"{BUCKET}_{index}", bodies.add(BASE64, start, LOADED)), None))
    put = sent("PutVectors", bodies.put())
    adds = {side: event("vectors", f"{BUCKET}_{INDEXES[side]}", bodies.add(side)) for side in (NUMBERS, BASE64)}
    queries = [sent("QueryVectors", bodies.query(number)) for number in range(QUERIES)]
    searches = {
        side: [event("search", f"{BUCKET}_{INDEXES[side]}", bodies.search(number, side)) for number in range(QUERIES)]
        for side in (NUMBERS, BASE64)
    }

    def searching(side: str) -> Call:
        return lambda number: done(search(searches[side][number % QUERIES], None))

    def adding(side: str) -> Call:
        return lambda _: done(add(adds[side], None))

    return {
        PUTS: _alternating(
            {PROTOCOL: lambda _: done(protocol(put, None)), **{side: adding(side) for side in adds}}, rounds
        ),
        SEARCHES: _alternating(
            {
                PROTOCOL: lambda number: done(protocol(queries[number % QUERIES], None)),
                **{side: searching(side) for side in searches},
            },
            rounds * 10,
        ),
    }


def _encoding(client: Any, bodies: Bodies, rounds: int) -> Times:
    """Time boto3's validation and JSON of the parameters, and the JSON of a native client."""
    operations = {name: client.meta.service_model.operation_model(name) for name in ("PutVectors", "QueryVectors")}
    put, query = bodies.put(), bodies.query(0)
    adds = {side: bodies.add(side) for side in (NUMBERS, BASE64)}
    calls: dict[str, Call] = {
        "boto3, PutVectors": lambda _: client._serializer.serialize_to_request(put, operations["PutVectors"]),
        "boto3, QueryVectors": lambda _: client._serializer.serialize_to_request(query, operations["QueryVectors"]),
        **{f"json.dumps, add: {side}": partial(_dumped, body) for side, body in adds.items()},
    }
    return _alternating(calls, rounds)


def _dumped(body: Json, _: int) -> str:
    return json.dumps(body)


def _alternating(sides: Mapping[str, Call], rounds: int) -> Times:
    """Return the milliseconds of each call; the sides alternate call by call, in a rotating order."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    order = deque(sides)
    for number in range(rounds + WARM):
        for name in order:
            started = time.perf_counter_ns()
            sides[name](number)
            if number >= WARM:
                times[name].append((time.perf_counter_ns() - started) / 1e6)
        order.rotate(1)
    return times


def _print(where: str, measured: Mapping[str, Times]) -> None:
    for what, times in measured.items():
        base = {side: float(np.median(times[side])) for side in times}
        rows = [
            [side, *_figures(ms), *(_beside(base[side], base[other]) for other in (NUMBERS, BASE64))]
            for side, ms in times.items()
        ]
        table((f"{what}, {where}", "p50 ms", "p95 ms", f"p50 beside {NUMBERS}", f"beside {BASE64}"), rows)


def _targets(over_http: Mapping[str, Times], imports_of: Mapping[str, float]) -> list[list[str]]:
    """Compare the medians over HTTP through boto3, and the imports, with what the protocol may cost."""
    query, put = (
        [float(np.median(over_http[what][side])) for side in (PROTOCOL, NUMBERS)] for what in (SEARCHES, PUTS)
    )
    handlers = float(np.median(over_http[PUTS][HANDLERS]))
    imported = (imports_of["s3vectors"] - imports_of["search"]) * 1_000
    return [
        [f"QueryVectors beside search: {NUMBERS}", "+5 ms", f"{query[0] - query[1]:+,.2f} ms"],
        [f"PutVectors beside add: {NUMBERS}", "+25 %", f"{put[0] / put[1] - 1:+.0%}"],
        ["the same with the handlers of the page", "+25 %", f"{handlers / put[1] - 1:+.0%}"],
        ["import of s3vectors beside search", "+10 ms", f"{imported:+,.1f} ms"],
    ]


def _figures(ms: Sequence[float]) -> tuple[str, str]:
    return f"{np.median(ms):,.2f}", f"{np.percentile(ms, 95):,.2f}"


def _beside(ours: float, other: float) -> str:
    return f"{ours - other:+,.2f} ms, x {ours / other:.2f}"


if __name__ == "__main__":
    main()
