"""What an index records of its commits and uploads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from vectord.index import mutations, state
from vectord.lhv1.params import Params

keys = st.sampled_from(["uploads/a/1.jsonl", "uploads/a/2.jsonl", "uploads/b/1.jsonl"])
sequencers = st.text("0123456789ABCDEF", min_size=1, max_size=6)


def test_a_commit_is_recorded_until_32_later_ones() -> None:
    applied = mutations.with_commit((), "mine")
    for number in range(31):
        applied = mutations.with_commit(applied, f"other-{number}")
    assert "mine" in applied
    assert "mine" not in mutations.with_commit(applied, "one-more")


def test_the_creation_of_an_index_stays_recorded_and_identifies_it() -> None:
    applied = mutations.with_commit(mutations.with_creation((), "first"), "first")
    for number in range(200):
        applied = mutations.with_answer(mutations.with_commit(applied, f"c{number}"), f"k{number}", "0a1b2c3d", (1,))
    index = structs.replace(state.empty_index(Params("t", 2)), applied=applied)
    assert mutations.identity_of(index) == "c:first"
    assert applied.count("c:first") == 1


def test_an_index_that_an_earlier_vectord_created_has_an_empty_identity() -> None:
    index = structs.replace(state.empty_index(Params("t", 2)), applied=("first",))
    assert mutations.identity_of(index) == ""


def test_a_sharded_index_is_identified_by_its_generation() -> None:
    parent = state.empty_index(Params("t", 2, shards=2, generation="g1"))
    assert mutations.identity_of(structs.replace(parent, applied=("c:first",))) == "g1"


def test_commits_do_not_push_uploads_out() -> None:
    applied = mutations.with_upload((), "uploads/a/1.jsonl", "05")
    for number in range(200):
        applied = mutations.with_commit(applied, f"c{number}")
    assert mutations.is_stale(applied, "uploads/a/1.jsonl", "05")


@pytest.mark.slow
def test_a_thousand_uploads_are_recorded_and_the_oldest_is_dropped() -> None:
    applied: tuple[str, ...] = ()
    for number in range(1_001):
        applied = mutations.with_upload(applied, f"uploads/a/{number}.jsonl", "05")
    assert not mutations.is_stale(applied, "uploads/a/0.jsonl", "05")
    assert mutations.is_stale(applied, "uploads/a/1.jsonl", "05")
    assert len(applied) == mutations.MAX_UPLOADS


def test_an_earlier_upload_of_a_key_stays_recorded() -> None:
    applied = mutations.with_upload(mutations.with_upload((), "k", "05"), "k", "07")
    assert [mutations.is_recorded(applied, "k", one) for one in ("05", "07", "050", "06", "0")] == [True] * 3 + [
        False
    ] * 2
    assert not mutations.is_recorded(applied, "other", "05")
    assert mutations.is_stale(applied, "k", "06")


@pytest.mark.slow
def test_many_uploads_of_one_key_leave_the_latest_of_every_other_key_recorded() -> None:
    applied: tuple[str, ...] = ()
    for number in range(mutations.MAX_UPLOADS):
        applied = mutations.with_upload(applied, f"uploads/a/{number}.jsonl", "05")
    for number in range(2 * mutations.MAX_EARLIER):
        applied = mutations.with_upload(applied, "uploads/a/0.jsonl", f"06{number:04}")
    assert all(
        mutations.is_stale(applied, f"uploads/a/{number}.jsonl", "05") for number in range(mutations.MAX_UPLOADS)
    )
    assert len(applied) == mutations.MAX_UPLOADS + mutations.MAX_EARLIER
    assert mutations.is_recorded(applied, "uploads/a/0.jsonl", f"06{mutations.MAX_EARLIER:04}")
    assert not mutations.is_recorded(applied, "uploads/a/0.jsonl", f"06{mutations.MAX_EARLIER - 2:04}")


def test_a_new_upload_of_an_old_key_makes_it_the_newest() -> None:
    applied: tuple[str, ...] = ()
    for number in (*range(mutations.MAX_UPLOADS), 0, mutations.MAX_UPLOADS):
        applied = mutations.with_upload(applied, f"{number}", f"05{number + len(applied):04}")
    assert mutations.is_stale(applied, "0", "05")
    assert not mutations.is_stale(applied, "1", "05")


def test_a_shorter_sequencer_is_padded_with_zeros_on_the_right() -> None:
    applied = mutations.with_upload((), "k", "0055AE")
    assert mutations.is_stale(applied, "k", "0055AE00")
    assert not mutations.is_stale(applied, "k", "0055AE01")
    assert mutations.is_stale(applied, "k", "0055")


@given(st.lists(st.tuples(keys, sequencers), max_size=12))
def test_in_any_order_of_events_the_newest_of_each_key_wins(events: list[tuple[str, str]]) -> None:
    applied: tuple[str, ...] = ()
    landed: dict[str, str] = {}
    for key, sequencer in events:
        if not mutations.is_stale(applied, key, sequencer):
            applied = mutations.with_upload(applied, key, sequencer)
            landed[key] = sequencer
    newest = {key: max(s.ljust(6, "0") for k, s in events if k == key) for key, _ in events}
    assert {key: sequencer.ljust(6, "0") for key, sequencer in landed.items()} == newest
