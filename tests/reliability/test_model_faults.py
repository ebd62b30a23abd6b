"""The model through a proxy with seeded faults: a change is applied, or not, or its outcome is unknown; never half."""

from concurrent.futures import ThreadPoolExecutor
from random import Random
from time import monotonic

import pytest

from tests.reliability import model
from tests.reliability.model import Add, Asked, Change, Create, Delete, Drop, Outcome, State
from tests.reliability.run import LONG, chance, figure, least, most
from tests.support.backends import S3Backend
from tests.support.faults_schedule import Schedule
from tests.support.faults_service import PACKED, PLAIN, TIMEOUTS, a_service
from tests.support.services import a_query
from tools.proxy.server import Proxy
from vectord.errors import StorageSilent
from vectord.index.thresholds import Thresholds
from vectord.service.service import Service
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import Deadline

DIMENSION, STEPS, BUDGET = 33, 400 if LONG else 30, 1.5
SLACK = 2 * (TIMEOUTS.connect + TIMEOUTS.work) + 0.5
IDS = [f"id {number}" for number in range(24)]
TEXTS = [None, None, b"{}", b'{"x":1}', b'"text"', b'{"body":"two words"}', b'{"body":"words of three"}']
FORMS = {
    "plain": PLAIN,
    "packed": PACKED,
    "both": Thresholds(packed=9_000, tail_rows=6, tail_share=4, removed_share=3, pieces=2, part=2_048),
}


class Run:
    """Two services behind the proxy, the bucket past it, and the states that it may be in."""

    def __init__(self, bucket: S3Backend, proxied: Proxy, form: str) -> None:
        self.bucket, self.proxied, self.sizes = bucket, proxied, FORMS[form]
        self.chance: Random = chance("operations", form)
        proxied.choose = self.schedule = Schedule(chance("faults", form).getrandbits(64), 0.25, TIMEOUTS)
        self.services = [self._service(), self._service()]
        self.possible: list[State] = [None]

    def _service(self) -> Service:
        """Return a service that soon gives up, or one that goes on until the time is over."""
        attempts = RetryPolicy(max_attempts=self.chance.choice([2, 3, 50]), base=0.01, cap=0.2)
        own = Random(self.chance.random())
        return a_service(
            self.bucket, self.proxied.endpoint, sizes=self.sizes, timeouts=TIMEOUTS, chance=own, retry_policy=attempts
        )

    def step(self) -> None:
        drawn = self.chance.random()
        if drawn < 0.08:
            self.services[self.chance.randrange(2)] = self._service()
        elif drawn < 0.25:
            self.at_once()
        else:
            self.made([(self.services[self.chance.randrange(2)], self.change())])
        if self.chance.random() < 0.7:
            self.settle()
        self.look(self.services[self.chance.randrange(2)])

    def change(self) -> Change:
        state = next(state for state in self.possible)
        drawn = self.chance.random()
        if state is None or drawn < 0.03:
            self.settle()  # a creation that is still on its way could follow a deletion
            return Create(DIMENSION, "cosine")
        if drawn < 0.05:
            self.settle()
            return Drop()
        if drawn < 0.25:
            return Delete(tuple(self.chance.sample(IDS, self.chance.randint(1, 6))))
        if drawn < 0.35 and state:
            vector_id = self.chance.choice(sorted(state))
            return Add(((vector_id, state[vector_id][0], self.chance.choice(TEXTS)),))
        some = self.chance.choices(IDS, k=self.chance.randint(1, 8))
        return Add(tuple((one, self.vector(), self.chance.choice(TEXTS)) for one in some))

    def vector(self) -> bytes:
        return model.components(self.chance.getrandbits(32), DIMENSION)

    def at_once(self) -> None:
        """Two writers at the same time."""
        if None not in self.possible:
            changes = [change for change in (self.change(), self.change()) if not isinstance(change, Drop)]
            self.made(list(zip(self.services, changes, strict=False)))

    def made(self, writers: list[tuple[Service, Change]]) -> None:
        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(self._outcome, writers))
        self.possible = model.reached(self.possible, outcomes)
        assert self.possible, outcomes

    def _outcome(self, writer: tuple[Service, Change]) -> tuple[Change, Outcome]:
        service, change = writer
        start = monotonic()
        outcome = model.made(change, service, start + BUDGET)
        took = monotonic() - start
        most("seconds after the deadline, seeded faults", took - BUDGET)
        assert took < BUDGET + SLACK
        figure("changes under seeded faults")
        if isinstance(outcome, str) and outcome in (model.UNKNOWN, model.NOTHING):
            figure(f"changes under seeded faults with the outcome: {outcome}")
        return change, outcome

    def settle(self) -> None:
        """See what became of everything, past the proxy."""
        self.proxied.settle()
        found = self.bucket.objects()
        state = model.read(found["t"]) if "t" in found else None
        assert state in self.possible
        self.possible = [state]
        if state is not None:
            assert model.read(model.rebuilt(found["t"])) == state
        model.holds(a_service(self.bucket, sizes=self.sizes), state, IDS, self.asked(), monotonic() + 30)
        figure("states that were settled and checked whole")

    def look(self, service: Service) -> None:
        """Ask behind the proxy: the answer is right, or there is none."""
        asked, vector_id = self.asked(), self.chance.choice(IDS)
        try:
            until = monotonic() + BUDGET
            row = model.looked_up(service, vector_id, until)
            assert row in [(state or {}).get(vector_id) for state in self.possible]
            if model.count(service, until) is not None and None not in self.possible:
                found = service.search("t", a_query(asked.query, asked.k, recall=1), Deadline(until)).answer.matches
                assert any(asked.is_answered(found, state) for state in self.possible)
                figure("searches under seeded faults")
        except StorageSilent:
            figure("reads under seeded faults that had no answer")

    def asked(self) -> Asked:
        return Asked(model.vector(self.chance.getrandbits(32), DIMENSION), self.chance.randint(1, 12), "cosine")


@pytest.mark.parametrize("form", FORMS)
def test_seeded_faults_lead_to_the_state_of_the_model(bucket: S3Backend, proxied: Proxy, form: str) -> None:
    run = Run(bucket, proxied, form)
    for _ in range(STEPS):
        run.step()
    run.settle()
    for name, times in run.schedule.dealt.items():
        figure(f"seeded faults: {name}", times)
    figure("seeded faults", run.schedule.dealt.total())
    assert run.schedule.dealt.total() > STEPS / 4


ROWS, QUERIES = 2_500, 300


@pytest.mark.usefixtures("in_pieces")
def test_recall_holds_on_a_large_index_changed_under_faults(bucket: S3Backend, proxied: Proxy) -> None:
    dimension = 64
    sizes = Thresholds(packed=1, tail_rows=64, tail_share=64, removed_share=64, pieces=4, part=4_096)
    rows = tuple((f"id {number}", model.components(number, dimension), None) for number in range(ROWS))
    proxied.choose = Schedule(chance("recall").getrandbits(64), 0.1, TIMEOUTS)
    writer = a_service(bucket, proxied.endpoint, sizes=sizes, timeouts=TIMEOUTS)
    state: State = None
    some = tuple((f"new {number}", model.components(ROWS + number, dimension), None) for number in range(40))
    for change in (
        Create(dimension, "cosine"),
        Add(rows),
        Add(some),
        Delete(tuple(f"id {n}" for n in range(0, 400, 9))),
    ):
        outcome = model.made(change, writer, monotonic() + 60)
        assert outcome == change.outcome(state)
        state = change.on(state)
    assert state is not None
    recalls, ways = [], set()
    for number in range(QUERIES):
        asked = Asked(model.vector(9_000_000 + number, dimension), 10, "cosine")
        # A new function each time, whose search reads ranges.
        answer = (
            a_service(bucket, proxied.endpoint, sizes=sizes, room=400_000)
            .search("t", a_query(asked.query, 10), Deadline(monotonic() + 60))
            .answer
        )
        recalls.append(asked.recall(answer.matches, state))
        ways.add((answer.strategy, answer.plan))
    proxied.settle()
    assert model.read(bucket.objects()["t"]) == state
    assert ways == {("partitions", "ranges")}
    least("recall@10 under faults, by ranges", sum(recalls) / len(recalls))
    assert sum(recalls) / len(recalls) >= 0.95
