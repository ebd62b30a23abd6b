"""Fuzz whole requests (route, path, query, headers, body) through the real handlers with a store in memory."""

from collections.abc import Iterator

from tests.support.api import Api, an_event

ARN_PREFIX = "arn:aws:s3vectors:us-east-1:000000000000"
_INDEX = b'"vectorBucketName":"films","indexName":"all"'
SEEDS = (
    ("GET /indexes", b"limit=2&prefix=t", b"", b""),
    ("GET /indexes/{name}", b"", b'if-none-match: "x"', b""),
    ("POST /indexes", b"", b"", b'{"name":"u","dimension":2}'),
    ("POST /indexes/{name}/vectors", b"", b"idempotency-key: k", b'{"vectors":[{"id":"c","vector":[1,2]}]}'),
    (
        "POST /indexes/{name}/vectors",
        b"",
        b"",
        b'{"vectors":[{"id":"c","vector":[1,2],"metadata":{"x":1},"sparse":{"sparse":{"indices":[3,4294967295],'
        b'"values":[0.5,-1e-9]}}},{"id":"d","vector":[2,1],"sparse":{"indices":[0],"values":[2]}}]}',
    ),
    ("PATCH /indexes/{name}/vectors", b"", b"", b'{"vectors":[{"id":"a","metadata":{"x":1}}]}'),
    ("POST /indexes/{name}/search", b"", b"", b'{"vector":[1,2],"k":1,"filter":{"x":{"$gte":1}},"include":["vector"]}'),
    (
        "POST /indexes/{name}/search",
        b"",
        b"",
        b'{"text":{"query":"red ship","fields":{"words":2},"match":"all","prefix":true},"id":"a","k":2,"explain":true,'
        b'"min_relevance":0.1,"fusion":{"rank_constant":9,"candidates":5,"weights":{"text":2}}}',
    ),
    (
        "POST /indexes/{name}/search",
        b"",
        b"",
        b'{"sparse":{"name":"sparse","indices":[1,4294967295],"values":[0.5,-1e9]},"vector":[1,2],"k":2,"explain":true,'
        b'"fusion":{"weights":{"sparse":2}}}',
    ),
    ("PATCH /indexes/{name}", b"", b"", b'{"sparse":{"sparse":{},"more":{}}}'),
    ("PATCH /indexes/{name}", b"", b"", b'{"text":{"words":{"language":"german","stopwords":false}}}'),
    ("POST /indexes/{name}/vectors/delete", b"", b'if-match: "e", W/"f"', b'{"ids":["a"]}'),
    ("DELETE /indexes/{name}/vectors/{id+}", b"", b"", b""),
    ("POST /indexes/{name}/vectors/get", b"", b"", b'{"ids":["a"],"include":["vector"]}'),
    ("POST /indexes/{name}/vectors/count", b"", b"", b'{"filter":{"x":1}}'),
    ("POST /indexes/{name}/vectors/facets", b"", b"", b'{"paths":["x","y.z"],"limit":2}'),
    ("POST /indexes/{name}/recall", b"", b"", b'{"sample":2}'),
    ("POST /indexes/{name}/copy", b"", b"", b'{"to":"v"}'),
    ("GET /indexes/{name}/vectors", b"order_by=x&order=desc&limit=1", b"", b""),
    ("GET /indexes/{name}/versions", b"limit=1&cursor=x", b"", b""),
    ("POST /CreateVectorBucket", b"", b"", b'{"vectorBucketName":"new","tags":{"a":"b"}}'),
    ("POST /ListVectorBuckets", b"", b"", b'{"maxResults":1,"nextToken":"x","prefix":"f"}'),
    (
        "POST /CreateIndex",
        b"",
        b"",
        b'{"vectorBucketName":"films","indexName":"new","dataType":"float32","dimension":2,"distanceMetric":"cosine",'
        b'"metadataConfiguration":{"nonFilterableMetadataKeys":["k"],"textSearchConfigurations":[{"metadataKey":"k",'
        b'"language":"en"}]},"encryptionConfiguration":{"sseType":"AES256"}}',
    ),
    (
        "POST /PutVectors",
        b"",
        b"",
        b'{%b,"vectors":[{"key":"b","data":{"float32":[1,2]},"metadata":{"x":1}}]}' % _INDEX,
    ),
    ("POST /GetVectors", b"", b"", b'{%b,"keys":["a"],"returnData":true,"returnMetadata":true}' % _INDEX),
    ("POST /ListVectors", b"", b"", b'{%b,"segmentCount":2,"segmentIndex":1,"maxResults":1,"nextToken":"x"}' % _INDEX),
    (
        "POST /QueryVectors",
        b"",
        b"",
        b'{%b,"topK":1,"queryVector":{"float32":[1,2]},"filter":{"x":{"$in":[1]}},"returnDistance":true}' % _INDEX,
    ),
    (
        "POST /QueryVectors",
        b"",
        b"",
        b'{%b,"topK":1,"queryVector":{"float32":[1,2]},"queryTexts":[{"text":"some word","metadataKey":"t"}],'
        b'"returnScores":true}' % _INDEX,
    ),
    (
        "POST /UpdateMetadataConfiguration",
        b"",
        b"",
        b'{%b,"add":{"textSearchConfigurations":[{"metadataKey":"x","language":"de"}]}}' % _INDEX,
    ),
    (
        "POST /PutVectorBucketPolicy",
        b"",
        b"",
        b'{"vectorBucketName":"films","policy":"{\\"Statement\\":[{\\"Effect\\":\\"Allow\\",\\"Principal\\":{\\"AWS\\":'
        b'\\"000000000000\\"},\\"Action\\":\\"*\\",\\"Resource\\":\\"*\\"}]}"}',
    ),
    ("POST /tags/{resourceArn+}", b"", b"", b'{"tags":{"a":"b"}}'),
    ("DELETE /tags/{resourceArn+}", b"tagKeys=a", b"", b""),
)
_PATH = {"name": "t", "id": "a", "token": "0" * 32, "resourceArn": f"{ARN_PREFIX}:bucket/films/index/all"}
_STORED = ({"id": "a", "vector": [1, 2], "metadata": {"x": 1, "words": "a red ship"}}, {"id": "b", "vector": [2, 1]})
_UPLOADS = "/uploads"  # needs an inbox bucket, which the store in memory does not have
_FAULTS = {500, 501, 502}  # no request may cause these while storage works


class Requests:
    """One deployment; before each request index `t` is in its initial state, and vector bucket `films` has an index."""

    def __init__(self) -> None:
        self._api = Api(one_process=True, environment={"VECTORD_ARN_PREFIX": ARN_PREFIX})
        self._routes = sorted(route for route in self._api.routes if not route.endswith(_UPLOADS))
        self._etag = ""

    def run(self, data: bytes) -> None:
        """Decode a request from `data` and send it.

        Byte 0 selects the route, byte 1 is `b` for a base64 body; then come query, header, path and body, one a line.
        """
        self._reset()
        route = self._routes[data[0] % len(self._routes)] if data else self._routes[0]
        query, header, path, body = (data[2:].split(b"\n", 3) + [b""] * 4)[:4]
        name, _, value = _text(header).partition(":")
        parameters = {key: _text(path) or value for key, value in _PATH.items() if f"{{{key}" in route}
        event = an_event(route, "/", parameters, {name: value.strip()} if name else {}, _query(query))
        # Any other path would be refused before the request is read.
        event["rawPath"] = route.partition(" ")[2].replace("+}", "}").format_map(parameters | {"proxy": "x"})
        event["requestContext"]["http"]["path"] = event["rawPath"]
        event["body"], event["isBase64Encoded"] = _text(body), data[1:2] == b"b"
        answer = self._api.invoke(route, event)
        if answer.status in _FAULTS:
            raise AssertionError(f"{route} answered {answer.status}: {answer.text[:300]}")

    def seeds(self) -> Iterator[bytes]:
        for route, query, header, body in SEEDS:
            if route in self._routes:
                yield bytes([self._routes.index(route)]) + b"-" + b"\n".join((query, header, b"", body))

    def _reset(self) -> None:
        index = {"vectorBucketName": "films", "indexName": "all"}
        if self._api.send("POST", "/GetIndex", index).status != 200:
            self._api.send("POST", "/CreateVectorBucket", {"vectorBucketName": "films"})
            more = {"dataType": "float32", "dimension": 2, "distanceMetric": "euclidean"}
            texts = {"metadataConfiguration": {"textSearchConfigurations": [{"metadataKey": "t"}]}}
            self._api.send("POST", "/CreateIndex", index | more | texts)
            stored = {"key": "a", "data": {"float32": [1, 2]}, "metadata": {"t": "some words"}}
            self._api.send("POST", "/PutVectors", index | {"vectors": [stored]})
        described = self._api.send("GET", "/indexes/t")
        if described.status == 200 and described.etag == self._etag:
            return
        self._api.send("DELETE", "/indexes/t")
        self._api.create(text={"words": {}}, sparse={"sparse": {}})
        self._etag = self._api.add(*_STORED).etag


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _query(data: bytes) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in _text(data).split("&") if pair)
    return {name: value for name, _, value in pairs}
