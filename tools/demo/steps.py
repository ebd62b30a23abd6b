"""The demo's steps on a running stack. Each one verifies its result."""

import statistics
import time

import numpy as np
import numpy.typing as npt

from tools.command import console
from tools.command.errors import CheckFailed
from tools.demo.dataset import Dataset
from tools.stack.client import Answer, Client, Json, encode
from tools.stack.ministack import HOST
from tools.stack.stack import Stack

INDEX = "aws-operations"
BATCH = 500
# Vectors in requests; the others are uploaded as a file. No build is due for so few, however late the file comes: a
# build without its rows would leave them in the tail, and cold and warm searches could then differ.
SENT = 4_500
UPLOAD_SECONDS = 60.0
BUILD_SECONDS = 60.0
K = 10
LEAST_RECALL = 0.95
_CELL = 36  # characters of one answer in the table


def check(holds: bool, claim: str) -> None:
    """Raise CheckFailed if a claim is false."""
    if not holds:
        raise CheckFailed(f"expected: {claim}")


class DemoSteps:
    """One index from its creation to its deletion."""

    def __init__(self, stack: Stack, dataset: Dataset) -> None:
        self._stack, self._dataset = stack, dataset
        self._api = self._connect()
        self._first: list[Answer] = []

    def close(self) -> None:
        """Close the connection."""
        self._api.close()

    def create(self) -> None:
        """Create the index, and verify that a second creation is refused."""
        dimension = self._dataset.vectors.shape[1]
        body: Json = {"name": INDEX, "dimension": dimension, "distance": "cosine"}
        with console.step("create", f"POST /indexes: {INDEX}, {dimension} dimensions, cosine") as step:
            created = self._api.call("POST", "/indexes", body, expect=201)
            check(created.body["count"] == 0, "a new index is empty")
            self._api.call("POST", "/indexes", body, expect=409)
            step.note = "201, and 409 the second time"

    def load(self) -> None:
        """Add most vectors in batches."""
        progress, done = console.Progress("load", SENT, "vectors"), 0
        for batch in self._dataset.batches(SENT, BATCH):
            answer = self._api.call("POST", f"/indexes/{INDEX}/vectors", {"vectors": batch})
            done += len(batch)
            check(answer.body["count"] == done, f"{done} vectors are stored after {done} were added")
            progress.update(done)

    def upload(self) -> None:
        """Upload the other vectors as one file, wait until they are ingested, and list the stored objects."""
        total = len(self._dataset.ids)
        with console.step("upload", f"put {total - SENT} more as a .jsonl.gz into the inbox bucket") as step:
            self._stack.upload(f"uploads/{INDEX}/more.jsonl.gz", self._dataset.file(SENT))
            deadline = time.monotonic() + UPLOAD_SECONDS
            while (count := self._api.call("GET", f"/indexes/{INDEX}").body["count"]) != total:
                check(count == SENT, "a file is ingested as a whole or not at all")
                check(time.monotonic() < deadline, f"the file is ingested within {UPLOAD_SECONDS:.0f} s")
                time.sleep(0.05)
            step.note = f"{count:,} vectors, ingested through bucket, queue and function"
        self._wait_for_build()
        with console.step("object", "the objects in the bucket now") as step:
            objects = self._objects()
            check(len(objects) == 1, f"the index is one object, not {sorted(objects)}")
            step.note = ", ".join(f"{key}: {size / 2**20:.1f} MiB" for key, size in objects.items())

    def _wait_for_build(self) -> None:
        with console.step("build", "the compact function builds the index, 5 s after its last change") as step:
            deadline = time.monotonic() + BUILD_SECONDS
            while not self._is_built():
                check(time.monotonic() < deadline, f"the index is built within {BUILD_SECONDS:.0f} s")
                time.sleep(0.1)
            step.note = "its recall is measured, and the lease of the build deleted"

    def _is_built(self) -> bool:
        described = self._api.call("GET", f"/indexes/{INDEX}").body
        return bool(described["calibration"]) and len(self._objects()) == 1

    def _objects(self) -> dict[str, int]:
        """Return the objects but for the record of removed versions, which outlives its index."""
        return {key: size for key, size in self._stack.objects().items() if "/.history/" not in key}

    def search(self) -> None:
        """Search for every question, print the answers, and compare them with the exact ones."""
        with console.step("search", f"{len(self._dataset.questions)} questions, the {K} nearest to each") as step:
            self._first = self._search_all()
            step.note = "the first search starts the function"
        self._show()
        with console.step("recall", f"share of the true {K} nearest, by exact search in numpy") as step:
            recall = self._dataset.recall([_ids(answer) for answer in self._first])
            check(recall >= LEAST_RECALL, f"recall@{K} is at least {LEAST_RECALL}: it is {recall:.3f}")
            step.note = f"{recall:.3f}, strategy {self._first[0].body['strategy']}"

    def measure(self) -> None:
        """Measure warm searches, and for comparison a request for an index that does not exist."""
        with console.step("latency", "the same questions again, now warm") as step:
            search = statistics.median(answer.milliseconds for answer in self._search_all())
            absent = [self._api.call("GET", "/indexes/absent", expect=404) for _ in self._dataset.questions]
            idle = statistics.median(answer.milliseconds for answer in absent)
            step.note = f"p50 {search:.0f} ms over HTTP; a 404 takes {idle:.0f} ms"

    def restart(self) -> None:
        """End every process, start again, and verify that nothing was lost."""
        with console.step("restart", "end MiniStack and every function, empty their /tmp"):
            self._api.close()
            self._stack.restart()
            self._api = self._connect()
        with console.step("recovered", "count, answers, and a search with a stored vector") as step:
            described = self._api.call("GET", f"/indexes/{INDEX}").body
            check(described["count"] == len(self._dataset.ids), "every vector survives the restart")
            for before, after in zip(self._first, self._search_all(), strict=True):
                check(before.body["matches"] == after.body["matches"], "the answers are the same after the restart")
            [itself] = self._search(self._dataset.vectors[0], 1).body["matches"]
            check(itself["id"] == self._dataset.ids[0], "a stored vector finds itself")
            check(itself["distance"] == 0.0, f"its distance to itself is 0.0, not {itself['distance']!r}")
            step.note = f"{described['count']:,} vectors, distance to itself {itself['distance']}"

    def delete(self) -> None:
        """Delete the index and verify that no object is left."""
        with console.step("delete", f"DELETE /indexes/{INDEX}") as step:
            self._api.call("DELETE", f"/indexes/{INDEX}", expect=204)
            self._api.call("GET", f"/indexes/{INDEX}", expect=404)
            check(not self._objects(), "no object of a deleted index is left")
            step.note = "204, then 404; no object is left"

    def _show(self) -> None:
        shown = console.columns_for(_CELL + 2, beside=64, most=3)
        headers = ["question", "ms", "nearest", "second", "third"][: 2 + shown]
        rows = [
            [question, f"{answer.milliseconds:5.0f}", *(_cell(match) for match in answer.body["matches"][:shown])]
            for question, answer in zip(self._dataset.questions, self._first, strict=True)
        ]
        console.table(headers, rows)

    def _search_all(self) -> list[Answer]:
        return [self._search(vector, K) for vector in self._dataset.queries]

    def _search(self, vector: npt.NDArray[np.float32], k: int) -> Answer:
        return self._api.call("POST", f"/indexes/{INDEX}/search", {"vector": encode(vector), "k": k})

    def _connect(self) -> Client:
        return Client(HOST, self._stack.port, self._stack.path)


def _ids(answer: Answer) -> list[str]:
    return [match["id"] for match in answer.body["matches"]]


def _cell(match: Json) -> str:
    return console.fit(f"{match['distance']:.3f} {match['id']}", _CELL)
