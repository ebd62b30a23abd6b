"""Reads that begin before they are asked for: they are sent once, at one ETag, and never change what is read."""

from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler
from threading import Event, Thread
from time import monotonic, sleep

import pytest

from tests.support.http_server import Answer, ScriptedServer, answers, ranged, refuses
from vectord.errors import ConditionFailed, StoreUnavailable
from vectord.storage.base import ByteRange, ObjectHead
from vectord.storage.s3.store import S3Store

OBJECT = bytes(range(200))
HEAD = 10


def begin(store: S3Store, *following: ByteRange) -> None:
    store.begin("t", HEAD, lambda _: 0, lambda _: following)


def parts_of(*ranges: ByteRange) -> list[bytes]:
    return [OBJECT[start:stop] for start, stop in ranges]


def sent(server: ScriptedServer) -> list[str]:
    return sorted(headers["Range"].removeprefix("bytes=") for headers in server.headers)


def read(store: S3Store, *ranges: ByteRange, etag: str = '"e1"') -> list[bytes]:
    return [bytes(each) for each in store.read("t", etag, ranges)]


def has_come_twice(server: ScriptedServer, byte_range: str) -> bool:
    """Wait for the second request for a range; the first one may come late, if nothing waited for it."""
    end = monotonic() + 10
    while sent(server).count(byte_range) < 2 and monotonic() < end:
        sleep(0.01)
    return sent(server).count(byte_range) == 2


def by_range(others: Answer, **special: Answer) -> Answer:
    """Answer requests for the ranges `f{first}_{last}` specially, the first time."""
    left = dict(special)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        name = "f" + handler.headers["Range"].removeprefix("bytes=").replace("-", "_")
        left.pop(name, others)(handler)

    return answer


def test_ranges_that_were_begun_are_not_read_again(server: ScriptedServer, store: S3Store) -> None:
    server.answer = ranged(OBJECT)
    begin(store, (20, 30), (50, 90))
    assert store.head("t", HEAD) == ObjectHead(OBJECT[:HEAD], '"e1"', len(OBJECT))
    assert read(store, (50, 90), (20, 30)) == parts_of((50, 90), (20, 30))
    assert sent(server) == ["0-9", "20-29", "50-89"]
    assert {headers["If-Match"] for headers in server.headers} == {None, '"e1"'}


def test_they_are_sent_before_anything_asks_for_them(server: ScriptedServer, store: S3Store) -> None:
    has_come = Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        ranged(OBJECT)(handler)
        if handler.headers["Range"] == "bytes=20-29":
            has_come.set()

    server.answer = answer
    begin(store, (20, 30))
    assert has_come.wait(10)


@pytest.mark.parametrize(
    ("begun", "wanted", "requests"),
    [
        ([(20, 60)], [(30, 40), (50, 60)], ["20-59"]),
        ([(20, 60)], [(30, 40), (50, 61), (90, 91)], ["20-59", "50-60", "90-90"]),
        ([(20, 60)], [(19, 40)], ["19-39", "20-59"]),
        ([], [(20, 30)], ["20-29"]),
    ],
    ids=["parts of it", "a part of it", "none of it", "nothing begun"],
)
def test_what_the_ranges_do_not_have_is_read(
    server: ScriptedServer,
    store: S3Store,
    begun: list[ByteRange],
    wanted: list[ByteRange],
    requests: Sequence[str],
) -> None:
    server.answer = ranged(OBJECT)
    begin(store, *begun)
    store.head("t", HEAD)
    assert read(store, *wanted) == parts_of(*wanted)
    assert sent(server) == sorted(["0-9", *requests])


def test_they_are_taken_once(server: ScriptedServer, store: S3Store) -> None:
    server.answer = ranged(OBJECT)
    begin(store, (20, 30))
    store.head("t", HEAD)
    for _ in range(2):
        assert read(store, (20, 30)) == parts_of((20, 30))
    assert sent(server) == ["0-9", "20-29", "20-29"]


def test_a_range_that_failed_is_read_again(server: ScriptedServer, store: S3Store) -> None:
    server.answer = by_range(ranged(OBJECT), f20_29=answers(500))
    begin(store, (20, 30), (50, 60))
    store.head("t", HEAD)
    assert read(store, (20, 30), (50, 60)) == parts_of((20, 30), (50, 60))
    assert sent(server) == ["0-9", "20-29", "20-29", "50-59"]


@pytest.mark.parametrize(
    ("answer", "error", "attempts"),
    [(answers(500), StoreUnavailable, 2), (refuses(412, "PreconditionFailed"), ConditionFailed, 1)],
    ids=["an error", "a change"],
)
def test_a_range_that_fails_is_reported_and_is_read_again_unless_the_object_changed(
    server: ScriptedServer, store: S3Store, answer: Answer, error: type[Exception], attempts: int
) -> None:
    begin_answer = ranged(OBJECT)
    server.answer = lambda handler: (begin_answer if handler.headers["Range"] == "bytes=0-9" else answer)(handler)
    begin(store, (20, 30))
    store.head("t", HEAD)
    with pytest.raises(error):
        read(store, (20, 30))
    assert sent(server).count("20-29") == attempts


def take_nothing(store: S3Store) -> None:
    """Read ranges without the head."""


def take_head_twice(store: S3Store) -> None:
    for _ in range(2):
        store.head("t", HEAD)


def take_another_head(store: S3Store) -> None:
    store.head("t", HEAD + 1)
    store.head("t", HEAD)


def take_and_forget(store: S3Store) -> None:
    store.head("t", HEAD)
    store.forget_begun()


@pytest.mark.parametrize("take", [take_nothing, take_head_twice, take_another_head, take_and_forget])
def test_ranges_are_not_used_without_the_head_that_was_read_with_them(
    server: ScriptedServer, store: S3Store, take: Callable[[S3Store], None]
) -> None:
    server.answer = ranged(OBJECT)
    begin(store, (20, 30))
    take(store)
    assert read(store, (20, 30)) == parts_of((20, 30))
    assert has_come_twice(server, "20-29")


def test_ranges_of_another_state_are_not_used(server: ScriptedServer, store: S3Store) -> None:
    server.answer = ranged(OBJECT)
    begin(store, (20, 30))
    store.head("t", HEAD)
    server.answer = ranged(OBJECT[::-1], ETag='"e2"')
    assert read(store, (20, 30), etag='"e2"') == [OBJECT[::-1][20:30]]


def test_another_thread_does_not_get_them(server: ScriptedServer, store: S3Store) -> None:
    server.answer = ranged(OBJECT)
    begin(store, (20, 30))
    store.head("t", HEAD)
    found: list[list[bytes]] = []
    thread = Thread(target=lambda: found.append(read(store, (20, 30))))
    thread.start()
    thread.join()
    assert found == [parts_of((20, 30))]
    assert has_come_twice(server, "20-29")
