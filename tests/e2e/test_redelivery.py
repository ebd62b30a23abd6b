"""S3 delivers events at least once and in any order; each upload is applied once and the newest wins."""

import json

from tests.e2e import files
from tests.e2e.inbox import Inbox
from tools.stack.client import Client


def create(api: Client, name: str) -> None:
    api.call("POST", "/indexes", {"name": name, "dimension": 3}, expect=201)


def test_a_redelivered_event_changes_nothing(api: Client, inbox: Inbox) -> None:
    create(api, "again")
    with inbox.event_source_disabled():
        inbox.put("uploads/again/rows.jsonl", files.jsonl())
        event = inbox.take()
    inbox.send(event)
    assert inbox.outcomes("again", 1) == ["committed"]
    api.call("POST", "/indexes/again/vectors/delete", {"ids": files.IDS})
    before = api.call("GET", "/indexes/again")
    inbox.send(event)
    assert inbox.outcomes("again", 2) == ["committed", "stale"]
    after = api.call("GET", "/indexes/again")
    assert (after.body["count"], after.headers["etag"]) == (0, before.headers["etag"])


def test_an_older_event_of_a_key_never_overwrites_a_newer_one(api: Client, inbox: Inbox) -> None:
    create(api, "reordered")
    with inbox.event_source_disabled():
        events = []
        for vector in ([1, 0, 0], [0, 1, 0]):
            inbox.put("uploads/reordered/rows.jsonl", files.lines({"one": vector}))
            events.append(inbox.take())
    for number, event in enumerate(reversed(events), start=1):
        inbox.send(event)
        inbox.outcomes("reordered", number)
    assert inbox.outcomes("reordered", 2) == ["committed", "superseded"]
    [report] = inbox.reports("reordered")
    assert report.startswith("rejected/reordered/rows.jsonl.superseded-")
    assert api.call("GET", "/indexes/reordered/vectors/one").body["vector"] == [0, 1, 0]


def test_the_sequencer_orders_two_equal_versions_of_a_file(api: Client, inbox: Inbox) -> None:
    create(api, "alike")
    with inbox.event_source_disabled():
        events = []
        for _ in range(2):
            inbox.put("uploads/alike/rows.jsonl", files.jsonl())
            events.append(inbox.take())
    inbox.send(events[1])
    assert inbox.outcomes("alike", 1) == ["committed"]
    before = api.call("GET", "/indexes/alike").headers["etag"]
    inbox.send(events[0])
    assert inbox.outcomes("alike", 2) == ["committed", "stale"]
    assert api.call("GET", "/indexes/alike").headers["etag"] == before


def test_a_file_replaced_before_it_is_read_is_reported_and_the_newer_one_is_ingested(api: Client, inbox: Inbox) -> None:
    create(api, "replaced")
    with inbox.event_source_disabled():
        inbox.put("uploads/replaced/rows.jsonl", files.lines({"old": [1, 0, 0]}))
        older = inbox.take()
        inbox.put("uploads/replaced/rows.jsonl", files.lines({"new": [0, 1, 0]}))
        newer = inbox.take()
    inbox.send(older)
    assert inbox.outcomes("replaced", 1) == ["superseded"]
    inbox.send(newer)
    assert inbox.outcomes("replaced", 2) == ["superseded", "committed"]
    inbox.send(older)
    assert inbox.outcomes("replaced", 3) == ["superseded", "committed", "superseded"]
    api.call("GET", "/indexes/replaced/vectors/old", expect=404)
    assert len(inbox.reports("replaced")) == 1


def test_a_malformed_message_moves_to_the_dead_letter_queue_without_blocking_others(api: Client, inbox: Inbox) -> None:
    create(api, "beside")
    with inbox.immediate_redelivery():
        inbox.send("not an event")
        inbox.put("uploads/beside/rows.jsonl", files.jsonl())
        assert inbox.dead() == "not an event"
    first, *redelivered = inbox.outcomes("beside", 1)
    assert (first, {*redelivered} - {"stale"}) == ("committed", set())


def test_a_message_of_another_service_moves_to_the_dead_letter_queue(inbox: Inbox) -> None:
    message = json.dumps({"source": "aws.events", "detail": {}})
    with inbox.immediate_redelivery():
        inbox.send(message)
        assert inbox.dead() == message


def test_an_event_of_another_bucket_moves_to_the_dead_letter_queue_and_nothing_is_ingested(
    api: Client, inbox: Inbox
) -> None:
    create(api, "others")
    with inbox.event_source_disabled():
        inbox.put("uploads/others/rows.jsonl", files.jsonl())
        event = json.loads(inbox.take())
    event["Records"][0]["s3"]["bucket"] = {"name": "another", "arn": "arn:aws:s3:::another"}
    with inbox.immediate_redelivery():
        inbox.send(json.dumps(event))
        assert json.loads(inbox.dead()) == event
    assert api.call("GET", "/indexes/others").body["count"] == 0
    assert inbox.reports("others") == []
