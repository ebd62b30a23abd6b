"""The files of one batch for one index share a commit, and each of them has an outcome of its own."""

import json

import pytest

from tests.support.logs import log_lines
from tests.support.memory_inbox import SECONDS, File, MemoryInbox, deliver_to, ingestion_of, message, row
from tests.support.scripted_store import Real, ScriptedStore, after, fails_with, loses_reply, no_reply, passes_through
from tests.support.services import FOREVER, Clock, a_service, vector
from vectord.index.codec.decode import open_blob
from vectord.service.commit.pending import folder_of
from vectord.service.ingestion.ingestion import Ingestion
from vectord.service.sharding.placement import shard_names
from vectord.service.values.options import NewIndex
from vectord.storage.base import StoredObject

KEYS = [f"uploads/t/{name}.jsonl" for name in "abc"]
FILES: dict[str, File] = {key: row(name) for key, name in zip(KEYS, "abc", strict=True)}
IN_SHARDS: dict[str, File] = {f"uploads/s/{number}.jsonl": row(f"{number}") for number in range(8)}
LONG = b"\n".join(row(f"long-{number}") for number in range(1_000))


@pytest.fixture
def store() -> ScriptedStore:
    """A store with the empty indexes `t` and `u`."""
    scripted = ScriptedStore()
    for name in "tu":
        a_service(scripted.inner).create(NewIndex(name, 2), FOREVER)
    return scripted


def writes(store: ScriptedStore, name: str = "t") -> int:
    return store.calls.count(("put", name))


def present(store: ScriptedStore, *ids: str, name: str = "t") -> set[str]:
    """Return those of `ids` that index `name` has."""
    return {*ids} - {*a_service(store.inner).get(name, ids, FOREVER).missing}


def ingestion(
    store: ScriptedStore, files: dict[str, File], clock: Clock | None = None, most: int = 1 << 20
) -> Ingestion:
    return ingestion_of(MemoryInbox(files), store, clock, most)


def silence(store: ScriptedStore, name: str) -> None:
    """Give no answer to the writes of one object."""
    store.always("put", lambda real: no_reply(real) if store.calls[-1][1] == name else real())


def test_the_files_of_an_index_are_one_commit(store: ScriptedStore) -> None:
    assert deliver_to(ingestion(store, FILES), *map(message, FILES)) == []
    assert (writes(store), present(store, *"abc")) == (1, {*"abc"})


def test_the_files_of_two_indexes_are_two_commits(store: ScriptedStore) -> None:
    files = {**FILES, "uploads/u/d.jsonl": row("d"), "uploads/u/e.jsonl": row("e")}
    a, b, c, d, e = files
    assert deliver_to(ingestion(store, files), *map(message, (a, d, b, e, c))) == []
    assert (writes(store, "t"), writes(store, "u")) == (1, 1)
    assert (present(store, *"abcde"), present(store, *"abcde", name="u")) == ({*"abc"}, {*"de"})


@pytest.mark.parametrize("bad", KEYS)
def test_a_bad_file_is_rejected_alone(store: ScriptedStore, bad: str) -> None:
    inbox = MemoryInbox({**FILES, bad: b'{"id": "x", "vector": [1]}'})
    assert deliver_to(ingestion_of(inbox, store), *map(message, KEYS)) == []
    assert inbox.reports == [f"rejected/t/{bad[-7]}.jsonl.json"]
    assert (writes(store), len(present(store, *"abcx"))) == (1, 2)


def test_a_file_for_an_index_that_is_deleted_before_the_commit_is_rejected(store: ScriptedStore) -> None:
    def deleted() -> bytes:
        a_service(store.inner).delete_index("t", FOREVER)
        return row("c")

    inbox = MemoryInbox({**FILES, KEYS[2]: deleted})
    assert deliver_to(ingestion_of(inbox, store), *map(message, KEYS)) == []
    assert len(inbox.reports) == 3


def test_a_temporary_failure_of_a_commit_gives_back_the_messages_of_its_files_alone(store: ScriptedStore) -> None:
    files = {**FILES, KEYS[1]: b"no JSON", "uploads/u/d.jsonl": row("d")}
    silence(store, "t")
    assert deliver_to(ingestion(store, files), *map(message, files)) == ["m0", "m2"]
    assert (present(store, *"abc"), present(store, "d", name="u")) == (set(), {"d"})


def test_a_group_whose_reply_is_lost_is_committed_once(store: ScriptedStore) -> None:
    store.on("put", loses_reply)
    assert deliver_to(ingestion(store, FILES), *map(message, FILES)) == []
    assert (writes(store), present(store, *"abc")) == (1, {*"abc"})


def test_a_defect_of_one_file_at_the_commit_does_not_fail_the_others(store: ScriptedStore) -> None:
    store.on("put", fails_with(TypeError()), passes_through, fails_with(TypeError()), passes_through)
    assert deliver_to(ingestion(store, FILES), *map(message, FILES)) == ["m1"]
    assert present(store, *"abc") == {*"ac"}


def test_a_redelivered_group_changes_nothing(store: ScriptedStore, capsys: pytest.CaptureFixture[str]) -> None:
    twice = ingestion(store, FILES)
    bodies = [message(key, sequencer="01") for key in KEYS]
    deliver_to(twice, *bodies)
    capsys.readouterr()
    assert deliver_to(twice, *bodies) == []
    assert [line["outcome"] for line in log_lines(capsys)] == ["stale"] * 3
    assert writes(store) == 1


@pytest.mark.parametrize(
    ("sequencers", "outcomes"),
    [
        (("01", "02"), ["committed", "committed"]),
        (("02", "01"), ["committed", "stale"]),
        (("01", "01"), ["committed", "stale"]),
    ],
    ids=["in order", "newer first", "one event twice"],
)
def test_two_versions_of_a_file_in_one_group_are_applied_in_the_order_of_their_messages(
    store: ScriptedStore, capsys: pytest.CaptureFixture[str], sequencers: tuple[str, str], outcomes: list[str]
) -> None:
    versions = iter([row("first"), row("second")])
    inbox: dict[str, File] = {KEYS[0]: lambda: next(versions)}
    assert deliver_to(ingestion(store, inbox), *(message(KEYS[0], sequencer=one) for one in sequencers)) == []
    assert [line["outcome"] for line in log_lines(capsys)] == outcomes
    added = {"first", "second"} if outcomes[1] == "committed" else {"first"}
    assert (writes(store), present(store, "first", "second")) == (1, added)


def test_files_that_do_not_fit_into_the_memory_together_are_several_commits(store: ScriptedStore) -> None:
    """Two of them take 1,560 bytes with their rows, three more than half of the limit of one file."""
    assert deliver_to(ingestion(store, FILES, most=2_600), *map(message, FILES)) == []
    assert (writes(store), present(store, *"abc")) == (2, {*"abc"})


@pytest.mark.parametrize("new", [NewIndex("t", 3), NewIndex("t", 2, distance="euclidean")])
def test_a_file_that_was_read_for_another_index_of_the_same_name_is_delivered_again(
    store: ScriptedStore, new: NewIndex
) -> None:
    def recreated() -> bytes:
        service = a_service(store.inner)
        service.delete_index("t", FOREVER)
        service.create(new, FOREVER)
        return row("a")

    files = {KEYS[0]: recreated, KEYS[1]: json.dumps({"id": "b", "vector": [1] * new.dimension}).encode()}
    assert deliver_to(ingestion(store, files), *map(message, files)) == ["m0"]
    assert present(store, "a", "b") == {"b"}


class TestTime:
    def test_files_that_were_read_are_committed_when_others_are_postponed(self, store: ScriptedStore) -> None:
        clock = Clock(ids="ingestion")

        def slow() -> bytes:
            clock.now += 0.7 * SECONDS
            return row("b")

        assert deliver_to(ingestion(store, {**FILES, KEYS[1]: slow}, clock), *map(message, KEYS)) == ["m2"]
        assert (writes(store), present(store, *"abc")) == (1, {*"ab"})

    def test_a_file_whose_reading_takes_the_time_of_the_commit_fails_alone(self, store: ScriptedStore) -> None:
        clock = Clock(ids="ingestion")

        def slow() -> bytes:
            clock.now += 0.81 * SECONDS
            return LONG

        assert deliver_to(ingestion(store, {**FILES, KEYS[1]: slow}, clock), *map(message, KEYS[:2])) == ["m1"]
        assert (writes(store), present(store, "a", "long-1")) == (1, {"a"})

    def test_messages_that_were_delivered_more_often_come_first(self, store: ScriptedStore) -> None:
        clock = Clock(ids="ingestion")

        def slow() -> bytes:
            clock.now += 0.7 * SECONDS
            return row("c")

        slowed = ingestion(store, {**FILES, KEYS[2]: slow}, clock)
        assert deliver_to(slowed, *map(message, KEYS), receives=[1, 1, 3]) == ["m0", "m1"]


class TestRaces:
    @pytest.fixture
    def lost(self, store: ScriptedStore) -> None:
        """The next write of the index will lose a race."""
        store.on("put", after(lambda: a_service(store.inner).add("t", [vector("other", 3, 4)], FOREVER)))

    @pytest.mark.usefixtures("lost")
    def test_a_group_that_lost_a_race_waits_as_a_stored_change(self, store: ScriptedStore) -> None:
        assert deliver_to(ingestion(store, FILES), *map(message, FILES)) == []
        assert present(store, *"abc", "other") == {*"abc", "other"}
        assert sum(name.startswith(folder_of("t")) for method, name, *_ in store.calls if method == "put") == 1

    @pytest.mark.usefixtures("lost")
    def test_its_files_are_committed_by_another_writer(
        self, store: ScriptedStore, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def combine(real: Real) -> object:
            stored = real()
            other = ScriptedStore(store.inner)
            other.on("put", after(lambda: a_service(store.inner).add("t", [vector("z", 1, 1)], FOREVER)))
            assert a_service(other, clock=Clock(ids="y")).add("t", [vector("y", 1, 1)], FOREVER).count == 6
            return stored

        store.on("put", combine)
        assert deliver_to(ingestion(store, FILES), *map(message, FILES)) == []
        assert present(store, *"abcyz") == {*"abcyz"}
        lines = log_lines(capsys)
        assert [(line["outcome"], line["rows"], line.get("Commits")) for line in lines] == [("committed", 1, None)] * 3


class TestLog:
    def test_each_file_has_a_line_with_the_etags_of_the_commit(
        self, store: ScriptedStore, capsys: pytest.CaptureFixture[str]
    ) -> None:
        deliver_to(ingestion(store, FILES), *map(message, FILES))
        lines = log_lines(capsys)
        assert [(line["index"], line["key"], line["rows"], line["group"]) for line in lines] == [
            ("t", key, 1, 3) for key in KEYS
        ]
        assert len({(line["etag_before"], line["etag_after"]) for line in lines}) == 1
        assert None not in {lines[0]["etag_before"], lines[0]["etag_after"]}

    def test_the_commit_is_counted_once_and_each_file_by_itself(
        self, store: ScriptedStore, capsys: pytest.CaptureFixture[str]
    ) -> None:
        deliver_to(ingestion(store, FILES), *map(message, FILES))
        lines = log_lines(capsys)
        assert [line.get("Commits") for line in lines] == [1, None, None]
        assert [line["RowsCommitted"] for line in lines] == [1, 1, 1]
        assert all("ParseMilliseconds" in line for line in lines)

    def test_each_file_of_a_group_that_failed_has_a_line_that_names_it(
        self, store: ScriptedStore, capsys: pytest.CaptureFixture[str]
    ) -> None:
        store.always("put", no_reply)
        assert deliver_to(ingestion(store, FILES), *map(message, FILES)) == ["m0", "m1", "m2"]
        lines = log_lines(capsys)
        assert [(line["outcome"], line["key"], line["message"], line["Failures"]) for line in lines] == [
            ("failed", key, f"m{number}", 1) for number, key in enumerate(KEYS)
        ]


class TestShards:
    @pytest.fixture
    def shards(self, store: ScriptedStore) -> list[str]:
        """The objects of the index `s`, which has two shards."""
        a_service(store.inner).create(NewIndex("s", 2, shards=2), FOREVER)
        stored = store.inner.get("s")
        assert isinstance(stored, StoredObject)
        return shard_names(open_blob(stored.data).params)

    def test_a_group_is_one_commit_of_each_shard(self, store: ScriptedStore, shards: list[str]) -> None:
        assert deliver_to(ingestion(store, IN_SHARDS), *map(message, IN_SHARDS)) == []
        assert [writes(store, shard) for shard in shards] == [1, 1]
        assert len(present(store, *"01234567", name="s")) == 8

    def test_a_shard_that_fails_gives_back_the_messages_of_the_files_with_rows_in_it(
        self, store: ScriptedStore, shards: list[str]
    ) -> None:
        silence(store, shards[0])
        failed = deliver_to(ingestion(store, IN_SHARDS), *map(message, IN_SHARDS))
        assert 0 < len(failed) < 8
        assert present(store, *"01234567", name="s") == {*"01234567"} - {name[1] for name in failed}
