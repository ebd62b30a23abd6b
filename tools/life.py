"""One index's life, told by the functions' events in the one order in which all can succeed; each answer is checked.

Who calls the functions, and where, is up to the caller: the same life is lived on the host and in containers.
"""

import gzip
import json
import urllib.error
import urllib.request
from base64 import b64decode
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

from tools import console
from tools.errors import CheckFailed, UnexpectedAnswer
from tools.functions import Json, built, event
from tools.paths import EVENTS
from tools.storage import INBOX, Storage

VERBS = ("create", "add", "describe", "search", "upload", "ingest", "export", "compact", "delete")

UPLOADED = (EVENTS / "films.jsonl").read_bytes()  # events/ingest.json tells of exactly these bytes, by their MD5
INDEX = "films"
NEAREST_ADDED = {"id": "alien", "metadata": {"year": 1979}}
NEAREST_UPLOADED = {"id": "gravity", "distance": 0.0, "metadata": {"year": 2013}}
NO_FAILURES: Json = {"batchItemFailures": []}

# Takes a function's verb and an event, gives what the function returned.
Invoke = Callable[[str, Json], Json]


def check(held: bool, claim: str, seen: object) -> None:
    """Stop where a claim does not hold, and show what was seen instead."""
    if not held:
        raise CheckFailed(f"it does not hold that {claim}; seen: {str(seen)[:2000]}")


class Life:
    """Calls each function with its event. The steps build on each other; `live` takes them in order."""

    def __init__(self, invoke: Invoke, storage: Storage) -> None:
        self._invoke, self._storage = invoke, storage

    def live(self, verbs: tuple[str, ...] = VERBS) -> None:
        """Live the first steps of the life, or all."""
        missing = set(built()) ^ set(VERBS)
        check(not missing, "every function has a part in this life", missing)
        for verb in verbs:
            self.step(verb)

    def step(self, verb: str) -> None:
        """Live one step, and say so."""
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
        return "2 added"

    def _describe(self) -> str:
        described, blob = self._returned("describe", 200), self._storage.blob(INDEX)
        count = json.loads(described["body"])["count"]
        check(count == 2, "the index counts what was added", described)
        check(described["headers"]["ETag"] == blob[1], "the answer's ETag is the object's", (described, blob[1]))
        check(blob[0].startswith(b"LHV1"), "the index is one object of the documented format", blob[0][:8])
        return "2 vectors in one object"

    def _search(self) -> str:
        match = self._nearest()
        check({**match, "distance": 0} == {**NEAREST_ADDED, "distance": 0}, "the nearest comes first", match)
        check(abs(match["distance"] - 0.0061162658) < 1e-9, "the distance is 1 - cos", match)
        return f"{match['id']} at {match['distance']:.4f}"

    def _upload(self) -> str:
        link, told = self._api("upload", 200), _object_of_the_event()
        check(link["key"] == unquote_plus(told["key"]), "the link leads where the event of the upload points", link)
        etag = _put(link)
        check(etag == f'"{told["eTag"]}"', "the ETag of the event is the file's", etag)
        stored = self._storage.client.get_object(Bucket=INBOX, Key=link["key"])["Body"].read()
        check(stored == UPLOADED, "the file came whole", stored)
        return f"{len(UPLOADED)} bytes put by the link"

    def _ingest(self) -> str:
        done = self._invoke("ingest", event("ingest"))
        check(done == NO_FAILURES, "no message goes back to the queue", done)
        match, (_, etag) = self._nearest(), self._storage.blob(INDEX)
        check(match == NEAREST_UPLOADED, "a row of the file is found, and at 0.0", match)
        redelivered = self._invoke("ingest", event("ingest"))
        check(redelivered == NO_FAILURES, "a redelivered message is taken", redelivered)
        check(self._storage.blob(INDEX)[1] == etag, "a redelivered message changes nothing", etag)
        count = self._api("describe", 200)["count"]
        check(count == 4, "the file's rows are counted", count)
        return "found; a redelivery changes nothing"

    def _export(self) -> str:
        made, (_, etag) = self._returned("export", 200), self._storage.blob(INDEX)
        check(made["headers"]["ETag"] == etag, "the file is of the object's state", made)
        rows = [json.loads(line)["id"] for line in gzip.decompress(b64decode(made["body"])).splitlines()]
        check(sorted(rows) == ["alien", "gravity", "heat/1995", "ronin/1998"], "every row is in the file", rows)
        other = self._invoke("export", {**event("export"), "queryStringParameters": {"format": "parquet"}})
        check(b64decode(other["body"])[:4] == b"PAR1", "another format makes another file", other)
        return f"{len(rows)} rows as jsonl.gz and as parquet"

    def _compact(self) -> str:
        _, before = self._storage.blob(INDEX)
        done = self._invoke("compact", event("compact"))
        check(done["outcome"] == "idle", "an index with nothing due is left as it is", done)
        check(self._storage.blob(INDEX)[1] == before, "nothing was written", before)
        return f"{done['outcome']}: nothing was due"

    def _delete(self) -> str:
        gone = self._returned("delete", 204)
        check(not gone.get("body"), "204 has no body", gone)
        check(self._storage.indexes() == [], "the object is gone", self._storage.indexes())
        after = self._api("describe", 404)
        check(after["type"].endswith(":index-not-found"), "what is deleted is not found", after)
        return "204, and 404 after it"

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
    """Put the file where the link leads, and give the ETag that comes back."""
    request = urllib.request.Request(link["url"], UPLOADED, method=link["method"])
    try:
        with urllib.request.urlopen(request) as answer:
            etag: str = answer.headers["ETag"]
    except urllib.error.HTTPError as error:
        raise UnexpectedAnswer(f"the link answered {error.code}: {error.read()[:2000]!r}") from error
    return etag


def _object_of_the_event() -> dict[str, Any]:
    record = json.loads(event("ingest")["Records"][0]["body"])["Records"][0]
    told: dict[str, Any] = record["s3"]["object"]
    return told
