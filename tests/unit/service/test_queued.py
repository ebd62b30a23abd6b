"""Queued changes as objects and messages, when storage or the queue does not answer."""

from typing import Any

import pytest

from tests.support.scripted_store import ScriptedStore
from tests.support.services import FOREVER, Clock
from vectord.errors import (
    ChangeNotFound,
    ConditionFailed,
    IdempotencyKeyReused,
    OutcomeUnknown,
    StorageSilent,
    StoreRefused,
    StoreUnavailable,
)
from vectord.service.queued import Message, QueuedChanges, token_of
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import IdempotencyKey

KEY = IdempotencyKey("k", "0000000a")
TOKEN = token_of("t", "c:1", KEY)
CHANGE = Message("t", TOKEN)
MESSAGE = b'{"index":"t","token":"%b"}' % TOKEN.encode()


class Queue:
    """A queue that fails as often as `failures` says."""

    def __init__(self, *failures: Exception) -> None:
        self.sent: list[bytes] = []
        self._failures = list(failures)

    def send(self, message: bytes) -> None:
        if self._failures:
            raise self._failures.pop(0)
        self.sent.append(message)


def changes(store: ScriptedStore, queue: Queue) -> QueuedChanges:
    return QueuedChanges(store, Clock().environment(), RetryPolicy(4), queue.send)


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore()


def arrives_without_an_answer(real: Any) -> Any:
    real()
    raise StoreUnavailable


def test_the_request_is_stored_before_the_message_is_sent(store: ScriptedStore) -> None:
    queue = Queue()
    changes(store, queue).accept(CHANGE, KEY, b"request", FOREVER)
    assert queue.sent == [MESSAGE]
    found = changes(store, queue).load("t", TOKEN, FOREVER)
    assert (found.state, found.request, found.rest) == ("queued", KEY.request, b"request")


def test_a_write_that_arrived_without_an_answer_is_the_change(store: ScriptedStore) -> None:
    queue = Queue()
    store.on("put", arrives_without_an_answer)
    changes(store, queue).accept(CHANGE, KEY, b"request", FOREVER)
    assert queue.sent == [MESSAGE]


def test_nothing_is_sent_if_storage_is_silent(store: ScriptedStore) -> None:
    queue = Queue()
    store.always("put", lambda _: (_ for _ in ()).throw(StoreUnavailable))
    with pytest.raises(StorageSilent):
        changes(store, queue).accept(CHANGE, KEY, b"request", FOREVER)
    assert queue.sent == []


def test_a_message_without_an_answer_is_sent_again(store: ScriptedStore) -> None:
    queue = Queue(StoreUnavailable(), StoreUnavailable())
    changes(store, queue).accept(CHANGE, KEY, b"request", FOREVER)
    assert queue.sent == [MESSAGE]


def test_a_refused_message_leaves_nothing(store: ScriptedStore) -> None:
    queued = changes(store, Queue(StoreRefused("AccessDenied")))
    with pytest.raises(StoreRefused):
        queued.accept(CHANGE, KEY, b"request", FOREVER)
    with pytest.raises(ChangeNotFound):
        queued.find("t", TOKEN, FOREVER)


def test_a_silent_queue_leaves_the_outcome_unknown_because_the_message_may_be_in_it(store: ScriptedStore) -> None:
    queued = changes(store, Queue(*[StoreUnavailable()] * 4))
    with pytest.raises(OutcomeUnknown):
        queued.accept(CHANGE, KEY, b"request", FOREVER)
    with pytest.raises(ChangeNotFound):
        queued.find("t", TOKEN, FOREVER)


def test_a_repeat_sends_the_message_until_the_change_is_applied(store: ScriptedStore) -> None:
    queue = Queue()
    queued = changes(store, queue)
    for _ in range(2):
        queued.accept(CHANGE, KEY, b"request", FOREVER)
    assert queue.sent == [MESSAGE] * 2
    queued.finish(CHANGE, queued.load("t", TOKEN, FOREVER), "applied", b"{}", FOREVER)
    queued.accept(CHANGE, KEY, b"request", FOREVER)
    assert queue.sent == [MESSAGE] * 2
    assert queued.accepted(CHANGE, KEY, FOREVER)


def test_a_key_names_one_request(store: ScriptedStore) -> None:
    queued = changes(store, Queue())
    queued.accept(CHANGE, KEY, b"request", FOREVER)
    other = IdempotencyKey("k", "0000000b")
    with pytest.raises(IdempotencyKeyReused):
        queued.accept(CHANGE, other, b"other", FOREVER)
    assert not queued.accepted(CHANGE, other, FOREVER)


@pytest.mark.parametrize(("index", "identity"), [("u", "c:1"), ("t", "c:2"), ("t", "")])
def test_another_index_has_keys_of_its_own_also_one_of_the_same_name(index: str, identity: str) -> None:
    assert token_of(index, identity, KEY) != TOKEN


def test_of_two_deliveries_the_first_record_stays(store: ScriptedStore) -> None:
    queued = changes(store, Queue())
    queued.accept(CHANGE, KEY, b"request", FOREVER)
    change = queued.load("t", TOKEN, FOREVER)
    queued.finish(CHANGE, change, "applied", b"first", FOREVER)
    queued.finish(CHANGE, change, "failed", b"second", FOREVER)
    found = queued.find("t", TOKEN, FOREVER)
    assert (found.state, found.rest) == ("applied", b"first")


def test_a_record_without_an_answer_is_written_once(store: ScriptedStore) -> None:
    queued = changes(store, Queue())
    queued.accept(CHANGE, KEY, b"request", FOREVER)
    change = queued.load("t", TOKEN, FOREVER)
    store.on("put", arrives_without_an_answer)
    queued.finish(CHANGE, change, "applied", b"{}", FOREVER)
    assert queued.find("t", TOKEN, FOREVER).state == "applied"


def test_a_long_answer_is_read_whole_and_a_queued_request_is_not(store: ScriptedStore) -> None:
    queued = changes(store, Queue())
    queued.accept(CHANGE, KEY, b"r" * 100_000, FOREVER)
    assert len(queued.find("t", TOKEN, FOREVER).rest) < 5_000
    change = queued.load("t", TOKEN, FOREVER)
    assert change.rest == b"r" * 100_000
    queued.finish(CHANGE, change, "failed", b"p" * 100_000, FOREVER)
    assert queued.find("t", TOKEN, FOREVER).rest == b"p" * 100_000


def test_a_race_of_two_requests_with_one_key_is_looked_at_again(store: ScriptedStore) -> None:
    queued = changes(store, Queue())
    queued.accept(CHANGE, KEY, b"request", FOREVER)
    change = queued.load("t", TOKEN, FOREVER)
    queued.finish(CHANGE, change, "failed", b"{}", FOREVER)

    def another_was_faster(real: Any) -> Any:
        real()
        raise ConditionFailed

    store.on("put", lambda real: real(), another_was_faster)
    queued.accept(CHANGE, KEY, b"request", FOREVER)
    assert queued.find("t", TOKEN, FOREVER).state == "queued"
