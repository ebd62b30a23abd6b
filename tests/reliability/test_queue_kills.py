"""Workers of queued changes that are killed at any moment: each change is applied once, and its state is true.

After each kill, what was applied is undone by other writes. So a change that is applied a second time is seen.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from time import sleep
from typing import Any

import msgspec
import pytest

from tests.reliability import model, processes, roles
from tests.reliability.model import Row
from tests.reliability.processes import Place
from tests.reliability.run import LONG, chance, figure
from tests.support import faults
from tests.support.api import an_event
from tests.support.faults import Fault
from tests.support.faults_service import Bucket
from tools.proxy.exchange import Exchange
from tools.proxy.server import Proxy
from vectord.edge import handler, queued
from vectord.edge.route import Route
from vectord.edge.write_routes import WRITES
from vectord.index.thresholds import Thresholds
from vectord.service.service import Service
from vectord.service.values.options import Deadline, NewIndex
from vectord.service.values.selection import Patch, Selection

KILLS = 60 if LONG else 6  # of each form
WORKERS, EACH, ROWS = 2, 2, 3  # changes of each kind in one life; rows of an add
STORED, PATCHED, UNDONE = b'{"n":0}', b'{"n":1}', b'{"n":2}'
STATE = "GET /indexes/{name}/changes/{token}"


@dataclass
class Sent:
    """A queued change of `ids`, and whether it was undone after it had been applied."""

    kind: str
    ids: list[str]
    token: str
    message: str
    undone: bool = False

    def is_applied(self, rows: dict[str, Row]) -> bool:
        """Return True if the rows show the change; the half of one is an error."""
        shown = {self._is_shown(rows, one) for one in self.ids}
        assert len(shown) == 1, f"half of {self}"
        return shown.pop()

    def _is_shown(self, rows: dict[str, Row], vector_id: str) -> bool:
        if self.kind == "delete":
            return vector_id not in rows
        return vector_id in rows and (self.kind == "add" or rows[vector_id][1] == PATCHED)

    @property
    def result(self) -> dict[str, int]:
        """The numbers of its effect, which are others if it is applied a second time."""
        return {
            "add": {"added": len(self.ids), "replaced": 0},
            "patch": {"patched": len(self.ids)},
            "delete": {"deleted": len(self.ids)},
        }[self.kind]


@dataclass
class Deployment:
    """Callers of the API beside the workers, and what they have sent."""

    place: Place
    bucket: Bucket
    sent: list[Sent] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.service: Service = self.place.service(99, self.messages.append)
        routes = {route: queued.route(route) for route in WRITES} | {STATE: Route(queued.change, "read")}
        self._api = handler.handler(routes, lambda: self.service, lambda: None)

    @property
    def rows(self) -> dict[str, Row]:
        return model.read(self.bucket.objects()["t"])

    def add(self, metadata: bytes, *ids: str) -> None:
        rows = [(one, roles.vector(one), metadata) for one in ids]
        self.service.add("t", model.entries(*rows), Deadline(processes.until()))

    def remove(self, *ids: str) -> None:
        self.service.delete("t", Selection(ids), Deadline(processes.until()))

    def queue(self, kind: str, *ids: str) -> None:
        """Send a change that prefers to be queued."""
        vectors = [{"id": one, "vector": list(map(float, range(1, roles.DIMENSION + 1)))} for one in ids]
        route, body = {
            "add": ("POST /indexes/{name}/vectors", {"vectors": vectors}),
            "patch": ("PATCH /indexes/{name}/vectors", {"ids": ids, "metadata": json.loads(PATCHED)}),
            "refused": ("PATCH /indexes/{name}/vectors", {"ids": ids, "metadata": json.loads(PATCHED)}),
            "delete": ("POST /indexes/{name}/vectors/delete", {"ids": ids}),
        }[kind]
        status, answer = self._call(route, {"prefer": "respond-async"}, body)
        assert (status, answer["state"]) == (202, "queued")
        self.sent.append(Sent(kind, list(ids), answer["token"], self.messages[-1].decode()))

    def state(self, change: Sent) -> Any:
        status, answer = self._call(STATE, {}, None, token=change.token)
        assert status == 200
        return answer

    def _call(self, route: str, headers: dict[str, str], body: Any, **more: str) -> tuple[int, Any]:
        path = {"name": "t", **more}
        event = an_event(route, route.partition(" ")[2].format_map(path), path, headers, None)
        answer = self._api(event | {"body": json.dumps(body)}, None)
        return answer["statusCode"], json.loads(answer["body"])


@pytest.fixture
def behind(proxied: Proxy, deployment: Deployment) -> Place:
    """The place as workers reach it: requests take about as long as they do at work, so that kills meet each step."""
    waits = chance("queue kills", "proxy")

    def choose(_: Exchange) -> Fault:
        return waits.choice([faults.delays, faults.delays_reply])(waits.uniform(0, 0.02))

    proxied.choose = choose
    place = deployment.place
    return Place(proxied.endpoint, place.bucket, place.prefix, place.folder, place.sizes)


@pytest.fixture
def deployment(bucket: Bucket, sizes: Thresholds) -> Iterator[Deployment]:
    folder = processes.folder()
    made = Deployment(Place(bucket.endpoint, bucket.bucket, bucket.prefix, folder, sizes), bucket)
    made.service.create(NewIndex("t", roles.DIMENSION, m=2), Deadline(processes.until()))
    yield made
    shutil.rmtree(folder)


def test_killed_workers_apply_each_change_once_and_its_state_is_true(
    deployment: Deployment, behind: Place, proxied: Proxy, sizes: Thresholds
) -> None:
    moments = chance("queue kills", f"{sizes.packed}")
    for life in range(KILLS // WORKERS):
        send_changes(deployment, life)
        kill_workers(deployment, behind, moments)
        proxied.settle()
        check_states(deployment)
        undo(deployment)
    with processes.running(roles.worker, (behind, 99, waiting(deployment), processes.starts().Event())) as some:
        processes.all_done(some)
    check_states(deployment)
    assert waiting(deployment) == []


def send_changes(deployment: Deployment, life: int) -> None:
    """Queue changes of every kind, in an index that has what they change; some will be refused."""
    of_kind = {kind: [f"{life}/{kind}/{number}" for number in range(EACH)] for kind in ("patch", "delete", "refused")}
    deployment.add(STORED, *(one for ids in of_kind.values() for one in ids))
    for number in range(EACH):
        deployment.queue("add", *(f"{life}/add/{number}/{row}" for row in range(ROWS)))
        for kind, ids in of_kind.items():
            deployment.queue(kind, ids[number])
    deployment.remove(*of_kind["refused"])


def kill_workers(deployment: Deployment, behind: Place, moments: Random) -> None:
    """Deliver every message that is not done to two workers, in orders of their own, and kill both."""
    left = waiting(deployment)
    started = [processes.starts().Event() for _ in range(WORKERS)]
    workers = [(behind, one, moments.sample(left, len(left)), started[one]) for one in range(WORKERS)]
    with processes.running(roles.worker, *workers) as some:
        for event in started:
            assert event.wait(30)
        for process in some:
            sleep(moments.uniform(0, 0.6))
            figure("workers killed", process.is_alive())
            process.kill()


def waiting(deployment: Deployment) -> list[str]:
    """Return the messages that the queue still has: a worker that was killed was not done with its last one."""
    lines = [line for one in (*range(WORKERS), 99) for line in deployment.place.journal(f"q{one}").read()]
    done = {line["done"] for line in lines}
    return [one.message for one in deployment.sent if one.message not in done]


def check_states(deployment: Deployment) -> None:
    """Compare the state of each change with the index, and with what the workers were done with."""
    rows, left = deployment.rows, waiting(deployment)
    for one in deployment.sent:
        found = deployment.state(one)
        if one.kind == "refused":
            assert found["state"] in ("queued", "failed")
            assert found.get("problem", {"type": "urn:vectord:problem:vector-not-found"})["type"].endswith("-not-found")
        else:
            is_applied = one.is_applied(rows)
            assert not (is_applied and one.undone), f"applied twice: {one}"
            assert found["state"] in (("queued", "applied") if is_applied or one.undone else ("queued",)), one
            figure("changes committed, and not yet recorded, at a kill", is_applied and found["state"] == "queued")
        if found["state"] == "applied":
            assert one.result.items() <= found["result"].items()
        assert found["state"] != "queued" or one.message in left, f"done, and still queued: {one}"
        figure(f"queued changes found {found['state']}")


def undo(deployment: Deployment) -> None:
    """Undo what was applied, by writes that are not queued."""
    rows = deployment.rows
    applied = [one for one in deployment.sent if one.kind != "refused" and one.is_applied(rows)]
    ids_of = {kind: [each for one in applied if one.kind == kind for each in one.ids] for kind in ("add", "patch")}
    deployment.remove(*ids_of["add"])
    if ids_of["patch"]:
        undone = Patch(msgspec.Raw(UNDONE))
        deployment.service.patch("t", Selection(ids_of["patch"]), undone, Deadline(processes.until()))
    deployment.add(UNDONE, *(each for one in applied if one.kind == "delete" for each in one.ids))
    for one in applied:
        one.undone = True
