"""The callers of the load test, run by locust: searches and adds, each sent as soon as the last answer is there."""

import itertools
import random

import numpy as np
from locust import FastHttpUser, task

from tools.load.run import BATCH, DIMENSION, INDEXES, RETRY_LATER, ROWS, index_name
from tools.stack.client import Json, encode

_SEEDS = itertools.count()


class Caller(FastHttpUser):
    """One connection. 9 of 10 requests are searches; adds replace vectors, so that the indexes keep their size."""

    network_timeout = connection_timeout = 60.0

    def on_start(self) -> None:
        self._random = random.Random(next(_SEEDS))

    @task(9)
    def search(self) -> None:
        self._post("search", "search", {"vector": self._vector(), "k": 10})

    @task(1)
    def add(self) -> None:
        rows = [{"id": str(self._random.randrange(ROWS)), "vector": self._vector()} for _ in range(BATCH)]
        self._post("add", "vectors", {"vectors": rows})

    def _post(self, name: str, action: str, body: Json) -> None:
        path = f"/indexes/{index_name(self._random.randrange(INDEXES))}/{action}"
        with self.client.post(path, json=body, name=name, catch_response=True) as response:
            if response.status_code == 503 and "Retry-After" in (response.headers or {}):
                response.request_meta["name"] = RETRY_LATER
                response.success()
            elif response.status_code not in (0, 200):  # 0: no answer, which locust reports itself
                response.failure(f"status {response.status_code}")

    def _vector(self) -> str:
        return encode(np.array([self._random.gauss(0, 1) for _ in range(DIMENSION)], np.float32))
