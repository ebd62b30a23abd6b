"""Any history of an index, with writers that meet and answers that get lost, leads to what a dictionary would hold."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.reliability import model
from tests.reliability.model import Add, Asked, Change, Create, Delete, Drop, Outcome, State
from tests.reliability.run import LONG, SEED, figure
from tests.support import scripted_store, services
from tests.support.failing_system import QUICK
from tests.support.faults_script import Script
from tests.support.scripted_store import Step
from tests.support.services import Clock
from vectord.errors import WriteConflict
from vectord.index.thresholds import Thresholds
from vectord.lhv1.params import Distance
from vectord.service.service import Service
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.storage.base import StoredObject
from vectord.storage.files.store import FileStore
from vectord.storage.limits import STAGING

FOREVER_SECONDS = float("inf")
DIMENSION = 33
IDS = [*"abcdefgh", "a/b", "ü", "😀", " ", '"']
SEEDS = st.integers(0, 20)  # few, so that equal vectors meet
METADATA = st.sampled_from([None, None, b"{}", b'{"body":"a \xc3\xbc b"}', b'[1,{"body":["c d"]}]', b"0", b'"text"'])
ROW = st.tuples(st.sampled_from(IDS), SEEDS.map(lambda number: model.components(number, DIMENSION)), METADATA)
ADD = st.lists(ROW, min_size=1, max_size=8).map(lambda rows: Add(tuple(rows)))
DELETE = st.lists(st.sampled_from([*IDS, "absent"]), min_size=1, max_size=4).map(lambda ids: Delete(tuple(ids)))
CHANGE = ADD | ADD | DELETE

# What befalls a write while another writer's commit is on its way; True where that one comes first.
MEETINGS: dict[str, tuple[Callable[[Callable[[], object]], Step], bool]] = {
    "the other comes first": (scripted_store.after, True),
    "the reply is lost, then the other comes": (scripted_store.loses_reply_then, False),
    "silence, then the other comes": (scripted_store.no_reply_then, True),
}
MISHAPS: dict[str, Step] = {
    "the reply is lost": scripted_store.loses_reply,
    "nothing arrives": scripted_store.no_reply,
    "another operation is in progress": scripted_store.fails_with(WriteConflict()),
}
WRITES = ("put", "splice")


class History(RuleBasedStateMachine):
    """Two services that stay, one that is new at each look, and a dictionary: None where no index is."""

    distance: Distance = "cosine"
    sizes = Thresholds(packed=6_000, tail_rows=6, tail_share=4, removed_share=3, pieces=2, part=2_048)

    def __init__(self) -> None:
        super().__init__()
        self.store, self.clock = self._new_store(), Clock()
        self.services = [self._service(), self._service()]
        self.state: State = None
        self.looks = 0

    def _new_store(self) -> Script:
        return Script(least_part=1)

    def _service(self) -> Service:
        return services.a_service(self.store, clock=self.clock, sizes=self.sizes)

    @rule(change=CHANGE, which=st.integers(0, 1))
    def change(self, change: Change, which: int) -> None:
        figure("steps of the model in memory")
        assert model.made(change, self.services[which], FOREVER_SECONDS) == change.outcome(self.state)
        self.state = change.on(self.state)

    @rule(which=st.integers(0, 1))
    def create(self, which: int) -> None:
        self.change(Create(DIMENSION, self.distance), which)

    @precondition(lambda self: self.state)
    @rule(which=st.integers(0, 1))
    def drop(self, which: int) -> None:
        self.change(Drop(), which)

    @precondition(lambda self: self.state)
    @rule(data=st.data(), metadata=METADATA, which=st.integers(0, 1))
    def add_the_same_vector_again(self, data: st.DataObject, metadata: bytes | None, which: int) -> None:
        vector_id = data.draw(st.sampled_from(sorted(self.state or {})))
        self.change(Add(((vector_id, (self.state or {})[vector_id][0], metadata),)), which)

    @precondition(lambda self: self.state)
    @rule(which=st.integers(0, 1))
    def delete_all(self, which: int) -> None:
        self.change(Delete(tuple(self.state or ())), which)

    @rule(change=CHANGE | st.none(), which=st.integers(0, 1), mishap=st.sampled_from(sorted(MISHAPS)))
    def something_happens_meanwhile(self, change: Change | None, which: int, mishap: str) -> None:
        for method in WRITES:
            self.store.on(method, MISHAPS[mishap])
        self.change(change or Create(DIMENSION, self.distance), which)
        self.store.clear()

    @precondition(lambda self: self.state is not None)
    @rule(first=CHANGE, second=CHANGE, meeting=st.sampled_from(sorted(MEETINGS)))
    def two_writers_meet(self, first: Change, second: Change, meeting: str) -> None:
        """One change is on its way when the other is made."""
        figure("steps of the model in memory")
        make, other_first = MEETINGS[meeting]
        outcome: list[tuple[Change, Outcome]] = []
        met: list[str] = []  # the object that the first was writing

        def other() -> None:
            met.append(self.store.calls[-1][1])
            self.store.clear()
            outcome.append((second, model.made(second, self.services[1], FOREVER_SECONDS)))

        for method in WRITES:
            self.store.on(method, make(other))
        said = (first, model.made(first, self.services[0], FOREVER_SECONDS))
        self.store.clear()
        if not outcome:  # the first changed nothing, so wrote nothing
            other()
            other_first = False
        if met[0].startswith(STAGING):  # the pending change of the first: the ids then order both changes
            self._is_reached_by([*outcome, said])
            return
        for change, answer in [*outcome, said] if other_first else [said, *outcome]:
            assert answer == change.outcome(self.state)
            self.state = change.on(self.state)

    @precondition(lambda self: self.state is not None)
    @rule(changes=st.lists(CHANGE, min_size=2, max_size=3))
    def writers_at_once(self, changes: list[Change]) -> None:
        """Threads with a service each; the state and all outcomes are those of some order of the changes."""
        figure("steps of the model in memory")
        eager = RetryPolicy(max_attempts=10_000, base=0.0005, cap=0.002)
        functions = [
            services.a_service(self.store, environment=Environment(), retry_policy=eager, sizes=self.sizes)
            for _ in changes
        ]
        with ThreadPoolExecutor(len(changes)) as pool:
            outcome = list(
                pool.map(lambda pair: model.made(*pair, FOREVER_SECONDS), zip(changes, functions, strict=True))
            )
        self._is_reached_by(list(zip(changes, outcome, strict=True)))

    @rule(which=st.integers(0, 1))
    def start_again(self, which: int) -> None:
        self.services[which] = self._service()

    @invariant()
    def everybody_finds_what_the_dictionary_holds(self) -> None:
        self.looks += 1
        query = np.frombuffer(model.components(1_000 + self.looks, DIMENSION), "<f4")
        asked = Asked(query, 1 + self.looks % 15, self.distance)
        for service in (*self.services, self._service()):
            model.holds(service, self.state, [*IDS, "absent"], asked, FOREVER_SECONDS)

    @invariant()
    def the_blob_alone_holds_it(self) -> None:
        assert self._blob() == self.state
        if self.state is not None:
            assert model.read(model.rebuilt(self._bytes())) == self.state

    def _is_reached_by(self, outcomes: list[tuple[Change, Outcome]]) -> None:
        """Take the present state, which some order of the changes must have led to with these outcomes."""
        possible = model.reached([self.state], outcomes)
        self.state = self._blob()
        assert self.state in possible

    def _blob(self) -> State:
        return model.read(self._bytes()) if self.store.inner.list("", 1, None).objects else None

    def _bytes(self) -> bytes:
        found = self.store.inner.get("t")
        assert isinstance(found, StoredObject)
        return found.data


class PlainHistory(History):
    distance: Distance = "euclidean"
    sizes = Thresholds()


class PackedHistory(History):
    distance: Distance = "euclidean"
    sizes = Thresholds(packed=1, tail_rows=6, tail_share=4, removed_share=3, pieces=2, part=2_048)


class FolderHistory(History):
    """The same over a store in a folder."""

    def _new_store(self) -> Script:
        self.folder = TemporaryDirectory(prefix="vectord-model-")
        return Script(FileStore(Path(self.folder.name), least_part=1, system=QUICK))

    def teardown(self) -> None:
        self.folder.cleanup()


# A failure is repeated by its seed; to shrink it takes minutes, which only a long run has.
PHASES = [Phase.generate, *([Phase.shrink] if LONG else [])]
BOUNDS = settings(max_examples=150 if LONG else 10, stateful_step_count=25, deadline=None, database=None, phases=PHASES)


def case(history: type[History]) -> type:
    """Return the test of a kind of history: seeded, bounded."""
    bounded = seed(SEED)(history).TestCase
    bounded.settings = BOUNDS
    return bounded


TestBothForms = case(History)
TestPlain = case(PlainHistory)
TestPacked = case(PackedHistory)
TestFolder = case(FolderHistory)
