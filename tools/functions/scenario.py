"""The functions' events in the one order in which all succeed, from the creation of an index to its deletion.

Each answer is verified. The caller decides how a function is invoked, so the same scenario runs on the host and in
containers.
"""

import gzip
import json
import urllib.error
import urllib.request
from base64 import b64decode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from tools.command import console
from tools.command.errors import CheckFailed, UnexpectedAnswer
from tools.command.paths import EVENTS
from tools.functions.built import Json, built, event
from tools.stack.storage import INBOX, Storage

VERBS = ("create", "add", "describe", "search", "upload", "ingest", "export", "s3vectors", "compact", "delete")

UPLOADED = (EVENTS / "films.jsonl").read_bytes()  # events/ingest.json has the MD5 of exactly these bytes
INDEX = "films"
NEAREST_ADDED = {"id": "alien", "metadata": {"year": 1979}}
NEAREST_UPLOADED = {"id": "gravity", "distance": 0.0, "metadata": {"year": 2013}}
NO_FAILURES: Json = {"batchItemFailures": []}

# From a function's verb and an event to what the function returned.
Invoke = Callable[[str, Json], Json]


def check(holds: bool, claim: str, seen: object) -> None:
    """Raise CheckFailed if a claim is false; `seen` is the value that contradicts it."""
    if not holds:
        raise CheckFailed(f"expected: {claim}; seen: {str(seen)[:2000]}")


class Scenario:
    """Invokes each function with its event. A step depends on the steps before it."""

    def __init__(self, invoke: Invoke, storage: Storage) -> None:
        self._invoke, self._storage, self._uploaded = invoke, storage, ""

    def run(self, verbs: tuple[str, ...] = VERBS) -> None:
        """Run the first steps, or all of them."""
        missing = set(built()) ^ set(VERBS)
        check(not missing, "the scenario has a step for every function", missing)
        for verb in verbs:
            self._run(verb)

    def _run(self, verb: str) -> None:
        act: Callable[[], str] = getattr(self, f"_{verb}")
        with console.step(verb, f"events/{verb}.json") as step:
            step.note = act()

    def _create(self) -> str:
        made = self._api("create", 201)
        check(made["count"] == 0 and made["index"]["name"] == INDEX, "a new index is empty", made)
        again = self._api("create", 409)
        check(again["type"].endswith(":index-exists"), "an index is created once", again)
        return "201, and 409 the second time"

    def _add(self) -> str:
        added = self._api("add", 200)
        check(added == {"added": 2, "replaced": 0, "count": 2}, "both vectors are new", added)
        self._queued_add()
        return "2 added, and replaced by a queued add"

    def _queued_add(self) -> None:
        """Queue the same add, deliver its message twice, and look at the state of the change."""
        sent = event("add")
        accepted = self._invoke("add", {**sent, "headers": {**sent["headers"], "prefer": "respond-async"}})
        check(accepted.get("statusCode") == 202, "a queued add answers 202", accepted)
        [record] = event("ingest")["Records"]
        message = {"Records": [{**record, "body": self._storage.take_message()}]}
        done = self._invoke("add", message)
        check(done == NO_FAILURES, "the message does not return to the queue", done)
        _, etag = self._storage.blob(INDEX)
        check(self._invoke("add", message) == NO_FAILURES, "a redelivered message succeeds", message)
        check(self._storage.blob(INDEX)[1] == etag, "a redelivered message changes nothing", etag)
        state = self._changed(accepted["headers"]["Location"])
        result = {"added": 0, "replaced": 2, "count": 2}
        check((state["state"], state["result"], state["etag"]) == ("applied", result, etag), "it is applied", state)

    def _changed(self, path: str) -> Json:
        """Return the state of the queued change at a path."""
        route, (_, _, name, _, token) = "GET /indexes/{name}/changes/{token}", path.split("/")
        parameters = {"name": name, "token": token}
        asked = {**event("describe"), "routeKey": route, "rawPath": path, "pathParameters": parameters}
        http = {**asked["requestContext"]["http"], "path": path}
        returned = self._invoke("describe", {**asked, "requestContext": {**asked["requestContext"], "http": http}})
        check(returned.get("statusCode") == 200, "the change is found", returned)
        state: Json = json.loads(returned["body"])
        return state

    def _describe(self) -> str:
        described, blob = self._returned("describe", 200), self._storage.blob(INDEX)
        count = json.loads(described["body"])["count"]
        check(count == 2, "the index counts the vectors that were added", described)
        check(described["headers"]["ETag"] == blob[1], "the answer has the object's ETag", (described, blob[1]))
        check(blob[0].startswith(b"LHV1"), "the index is one object in format LHV1", blob[0][:8])
        return "2 vectors in one object"

    def _search(self) -> str:
        match = self._nearest()
        check({**match, "distance": 0} == {**NEAREST_ADDED, "distance": 0}, "the nearest is first", match)
        check(abs(match["distance"] - 0.0061162658) < 1e-9, "the distance is 1 - cos", match)
        return f"{match['id']} at {match['distance']:.4f}"

    def _upload(self) -> str:
        link, described = self._api("upload", 200), _object_of_the_event()
        name = unquote_plus(described["key"]).rpartition("/")[2]
        check(link["key"].rpartition("/")[2] == name, "the link is for the file of the ingest event", link)
        self._uploaded = link["key"]
        etag = _put(link)
        check(etag == f'"{described["eTag"]}"', "the file has the ETag of the ingest event", etag)
        stored = self._storage.client.get_object(Bucket=INBOX, Key=link["key"])["Body"].read()
        check(stored == UPLOADED, "the whole file is stored", stored)
        return f"{len(UPLOADED)} bytes put with the link"

    def _ingest(self) -> str:
        message = _ingest_event(self._uploaded)
        done = self._invoke("ingest", message)
        check(done == NO_FAILURES, "no message returns to the queue", done)
        match, (_, etag) = self._nearest(), self._storage.blob(INDEX)
        check(match == NEAREST_UPLOADED, "a search finds a row of the file at distance 0.0", match)
        redelivered = self._invoke("ingest", message)
        check(redelivered == NO_FAILURES, "a redelivered message succeeds", redelivered)
        check(self._storage.blob(INDEX)[1] == etag, "a redelivered message changes nothing", etag)
        count = self._api("describe", 200)["count"]
        check(count == 4, "the index counts the file's rows", count)
        return "found; a redelivery changes nothing"

    def _export(self) -> str:
        made, (_, etag) = self._returned("export", 200), self._storage.blob(INDEX)
        check(made["headers"]["ETag"] == etag, "the export has the object's ETag", made)
        rows = [json.loads(line)["id"] for line in gzip.decompress(b64decode(made["body"])).splitlines()]
        check(sorted(rows) == ["alien", "gravity", "heat/1995", "ronin/1998"], "the file has every row", rows)
        other = self._invoke("export", {**event("export"), "queryStringParameters": {"format": "parquet"}})
        check(b64decode(other["body"])[:4] == b"PAR1", "format=parquet gives a Parquet file", other)
        return f"{len(rows)} rows as jsonl.gz and as parquet"

    def _s3vectors(self) -> str:
        index = {"vectorBucketName": "media", "indexName": INDEX}
        self._operation("CreateVectorBucket", {"vectorBucketName": "media"})
        new = {"dataType": "float32", "dimension": 3, "distanceMetric": "cosine"}
        made = self._operation("CreateIndex", index | new)
        check(made["indexArn"].endswith(":bucket/media/index/films"), "an index has an ARN", made)
        vectors = [{"key": "alien", "data": {"float32": [1.0, 0.0, 0.0]}, "metadata": {"year": 1979}}]
        self._operation("PutVectors", index | {"vectors": vectors})
        found = self._api("s3vectors", 200)
        nearest = [{"key": "alien", "distance": 0.0, "metadata": {"year": 1979}}]
        check(found == {"vectors": nearest, "distanceMetric": "cosine"}, "the nearest vector is found", found)
        self._operation("DeleteIndex", index)
        self._operation("DeleteVectorBucket", {"vectorBucketName": "media"})
        return "an index of a vector bucket is created, filled, queried and deleted"

    def _operation(self, name: str, body: Json) -> Json:
        """Invoke the function of S3 Vectors with its event, changed to another operation."""
        sample = json.dumps({**event("s3vectors"), "body": json.dumps(body)})
        returned = self._invoke("s3vectors", json.loads(sample.replace("QueryVectors", name)))
        check(returned.get("statusCode") == 200, f"{name} answers 200", returned)
        answer: Json = json.loads(returned["body"])
        return answer

    def _compact(self) -> str:
        _, before = self._storage.blob(INDEX)
        done = self._invoke("compact", event("compact"))
        check(done["outcome"] == "idle", "no build is due", done)
        check(self._storage.blob(INDEX)[1] == before, "nothing was written", before)
        return f"{done['outcome']}: no build was due"

    def _delete(self) -> str:
        gone = self._returned("delete", 204)
        check(not gone.get("body"), "204 has no body", gone)
        check(self._storage.indexes() == [], "the object is deleted", self._storage.indexes())
        after = self._api("describe", 404)
        check(after["type"].endswith(":index-not-found"), "a deleted index is not found", after)
        return "204, then 404"

    def _nearest(self) -> Json:
        found = self._api("search", 200)
        check(len(found["matches"]) == 1, "k = 1 gives one match", found)
        match: Json = found["matches"][0]
        return match

    def _api(self, verb: str, status: int) -> Json:
        body: Json = json.loads(self._returned(verb, status)["body"])
        return body

    def _returned(self, verb: str, status: int) -> Json:
        returned = self._invoke(verb, event(verb))
        check(returned.get("statusCode") == status, f"{verb} answers {status}", returned)
        return returned


def _put(link: Json) -> str:
    """Put the file with a presigned link and return its ETag."""
    request = urllib.request.Request(link["url"], UPLOADED, link["headers"], method=link["method"])
    try:
        with urllib.request.urlopen(request) as answer:
            etag: str = answer.headers["ETag"]
    except urllib.error.HTTPError as error:
        raise UnexpectedAnswer(f"the link answered {error.code}: {error.read()[:2000]!r}") from error
    return etag


def _ingest_event(key: str) -> Json:
    """Return the sample event of the ingest function, for the file `key`: the key of a link has a random part."""
    sample: Json = event("ingest")
    [record] = sample["Records"]
    body = json.loads(record["body"])
    body["Records"][0]["s3"]["object"]["key"] = quote_plus(key, safe="/")
    return {"Records": [{**record, "body": json.dumps(body)}]}


def _object_of_the_event() -> dict[str, Any]:
    record = json.loads(event("ingest")["Records"][0]["body"])["Records"][0]
    described: dict[str, Any] = record["s3"]["object"]
    return described
