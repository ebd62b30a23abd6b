"""What the demo does with a running stack, step by step. Each step checks what it claims."""

import statistics
import time

import numpy as np
import numpy.typing as npt

from tools import console
from tools.client import Answer, Client, Json, encode
from tools.errors import CheckFailed
from tools.examples import Examples
from tools.ministack import HOST
from tools.stack import Stack

INDEX = "aws-operations"
BATCH = 500
SENT = 6_000  # in requests; the others come in a file
UPLOAD_SECONDS = 60.0
K = 10
LEAST_RECALL = 0.95
_CELL = 36  # characters of one answer in the table


def check(held: bool, claim: str) -> None:
    """Stop the demo where a claim does not hold."""
    if not held:
        raise CheckFailed(f"it does not hold that {claim}")


class Tour:
    """One index from its creation to its end."""

    def __init__(self, stack: Stack, examples: Examples) -> None:
        self._stack, self._examples = stack, examples
        self._api = self._connect()
        self._first: list[Answer] = []

    def close(self) -> None:
        """Close the connection."""
        self._api.close()

    def create(self) -> None:
        """Create the index, and see that creating it again is refused."""
        dimension = self._examples.vectors.shape[1]
        wanted: Json = {"name": INDEX, "dimension": dimension, "distance": "cosine"}
        with console.step("create", f"POST /indexes: {INDEX}, {dimension} dimensions, cosine") as step:
            created = self._api.call("POST", "/indexes", wanted, expect=201)
            check(created.body["count"] == 0, "a new index is empty")
            self._api.call("POST", "/indexes", wanted, expect=409)
            step.note = "201, and 409 the second time"

    def load(self) -> None:
        """Send most vectors in batches."""
        progress, done = console.Progress("load", SENT, "vectors"), 0
        for batch in self._examples.batches(SENT, BATCH):
            answer = self._api.call("POST", f"/indexes/{INDEX}/vectors", {"vectors": batch})
            done += len(batch)
            check(answer.body["count"] == done, f"{done} vectors are stored after {done} were sent")
            progress.update(done)

    def upload(self) -> None:
        """Put the other vectors into the inbox bucket as one file, and see them arrive; then look at what is stored."""
        total = len(self._examples.ids)
        with console.step("upload", f"put {total - SENT} more as a .jsonl.gz into the inbox bucket") as step:
            self._stack.upload(f"uploads/{INDEX}/more.jsonl.gz", self._examples.file(SENT))
            deadline = time.monotonic() + UPLOAD_SECONDS
            while (count := self._api.call("GET", f"/indexes/{INDEX}").body["count"]) != total:
                check(count == SENT, "a file comes in whole or not at all")
                check(time.monotonic() < deadline, f"the file came in within {UPLOAD_SECONDS:.0f} s")
                time.sleep(0.05)
            step.note = f"{count:,} vectors; bucket, queue and function did the rest"
        with console.step("object", "what the bucket holds now") as step:
            objects = self._stack.objects()
            check(len(objects) == 1, f"an index is one object, not {sorted(objects)}")
            step.note = ", ".join(f"{key}: {size / 2**20:.1f} MiB" for key, size in objects.items())

    def ask(self) -> None:
        """Ask every question, show the answers, and compare them with the exact ones."""
        with console.step("ask", f"{len(self._examples.questions)} questions, the {K} nearest to each") as step:
            self._first = self._ask_all()
            step.note = "the first one starts the function"
        self._show()
        with console.step("recall", f"share of the true {K} nearest, by exact search in numpy") as step:
            recall = self._examples.recall([_ids(answer) for answer in self._first])
            check(recall >= LEAST_RECALL, f"recall@{K} is at least {LEAST_RECALL}: it is {recall:.3f}")
            step.note = f"{recall:.3f}, strategy {self._first[0].body['strategy']}"

    def measure(self) -> None:
        """Ask again with everything warm; set beside it what a request costs that finds nothing to do."""
        with console.step("latency", "the same questions once more, now warm") as step:
            search = statistics.median(answer.milliseconds for answer in self._ask_all())
            absent = [self._api.call("GET", "/indexes/absent", expect=404) for _ in self._examples.questions]
            idle = statistics.median(answer.milliseconds for answer in absent)
            step.note = f"p50 {search:.0f} ms over HTTP; a 404 takes {idle:.0f} ms here"

    def restart(self) -> None:
        """End every process, start again, and find everything as it was."""
        with console.step("restart", "end MiniStack and every function, empty their /tmp"):
            self._api.close()
            self._stack.restart()
            self._api = self._connect()
        with console.step("still there", "count, answers, and a vector that finds itself") as step:
            described = self._api.call("GET", f"/indexes/{INDEX}").body
            check(described["count"] == len(self._examples.ids), "the restart kept every vector")
            for before, after in zip(self._first, self._ask_all(), strict=True):
                check(before.body["matches"] == after.body["matches"], "the restart changed no answer")
            [itself] = self._search(self._examples.vectors[0], 1).body["matches"]
            check(itself["id"] == self._examples.ids[0], "a stored vector finds itself")
            check(itself["distance"] == 0.0, f"its distance to itself is 0.0, not {itself['distance']!r}")
            step.note = f"{described['count']:,} vectors, distance to itself {itself['distance']}"

    def delete(self) -> None:
        """Delete the index and see that nothing is left of it."""
        with console.step("delete", f"DELETE /indexes/{INDEX}") as step:
            self._api.call("DELETE", f"/indexes/{INDEX}", expect=204)
            self._api.call("GET", f"/indexes/{INDEX}", expect=404)
            check(not self._stack.objects(), "a deleted index leaves no object")
            step.note = "204, then 404; no object is left"

    def _show(self) -> None:
        shown = console.columns_for(_CELL + 2, beside=64, most=3)
        headers = ["question", "ms", "nearest", "second", "third"][: 2 + shown]
        rows = [
            [question, f"{answer.milliseconds:5.0f}", *(_cell(match) for match in answer.body["matches"][:shown])]
            for question, answer in zip(self._examples.questions, self._first, strict=True)
        ]
        console.table(headers, rows)

    def _ask_all(self) -> list[Answer]:
        return [self._search(vector, K) for vector in self._examples.asked]

    def _search(self, vector: npt.NDArray[np.float32], k: int) -> Answer:
        return self._api.call("POST", f"/indexes/{INDEX}/search", {"vector": encode(vector), "k": k})

    def _connect(self) -> Client:
        return Client(HOST, self._stack.port, self._stack.path)


def _ids(answer: Answer) -> list[str]:
    return [match["id"] for match in answer.body["matches"]]


def _cell(match: Json) -> str:
    return console.fit(f"{match['distance']:.3f} {match['id']}", _CELL)
