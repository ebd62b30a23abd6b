"""Which versions are kept: the latest ten, those of full hours and midnights, deletions; and what the record says."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectord.service.maintenance.retention import LATEST, gaps_after, removable
from vectord.service.snapshots.removed import Gap
from vectord.storage.base import ObjectVersion

NOW = datetime(2026, 11, 29, 17, 30, tzinfo=UTC)
DAYS = 3


def listing(*minutes: float, deleted: Sequence[int] = ()) -> list[ObjectVersion]:
    """Return versions that were written so many minutes ago, newest first; `deleted` are positions of deletions."""
    return [
        ObjectVersion(
            f"v{len(minutes) - position}",
            None if position in deleted else f'"{position}"',
            100,
            NOW - timedelta(minutes=ago),
            position == 0,
            position in deleted,
        )
        for position, ago in enumerate(minutes)
    ]


def removed(versions: Sequence[ObjectVersion], days: int = DAYS) -> set[str]:
    return {one.id for one in removable(versions, NOW, days)}


def left(versions: Sequence[ObjectVersion], days: int = DAYS) -> list[ObjectVersion]:
    gone = removed(versions, days)
    return [one for one in versions if one.id not in gone]


def present_at(versions: Sequence[ObjectVersion], time: datetime) -> ObjectVersion | None:
    return next((one for one in versions if one.modified <= time), None)


def moments(days: int) -> list[datetime]:
    hour = NOW.replace(minute=0)
    return [
        *(hour - timedelta(hours=back) for back in range(24)),
        *(hour.replace(hour=0) - timedelta(days=back) for back in range(days)),
        NOW - timedelta(days=days),
    ]


def test_ten_versions_are_kept_however_close() -> None:
    assert removed(listing(*range(LATEST))) == set()
    assert removed(listing(*range(LATEST + 1))) == {"v1"}


def test_of_a_version_a_second_the_latest_ten_and_those_of_full_hours_remain() -> None:
    versions = listing(*(second / 60 for second in range(2 * 3_600)))
    kept = left(versions)
    assert len(kept) == 12
    assert [one.modified for one in kept[10:]] == [datetime(2026, 11, 29, hour, tzinfo=UTC) for hour in (17, 16)]


def test_of_a_version_a_minute_for_days_one_a_day_remains_beyond_the_last_day() -> None:
    versions = listing(*range(10 * 1_440))
    kept = left(versions, days=7)
    old = [one.modified for one in kept if one.modified > NOW - timedelta(days=7)]
    assert len(old) == LATEST + 24 + 6  # the last midnight is one of the full hours
    assert {time.minute for time in old[LATEST:]} == {0}
    assert {time.hour for time in old[LATEST + 24 :]} == {0}


def test_what_was_replaced_before_the_days_is_left_to_the_rule_of_the_bucket() -> None:
    versions = listing(*range(LATEST), 3 * 1_440 + 5, 3 * 1_440 + 6, 3 * 1_440 + 7)
    assert removed(versions) == set()  # the first of the three was present at every full hour until now


def test_an_index_that_is_rarely_written_loses_nothing() -> None:
    assert removed(listing(*(hours * 61 for hours in range(20)))) == set()


def test_a_deletion_is_kept_and_so_is_what_it_ended_if_that_was_present_at_a_full_hour() -> None:
    versions = listing(*range(LATEST), 20, 25, 40, deleted=[10])
    assert removed(versions) == {"v2"}


def histories(least: int, minutes: float) -> st.SearchStrategy[list[ObjectVersion]]:
    """Return histories of at least so many versions in the last minutes, in order, with deletions."""
    drawn = st.lists(st.tuples(st.floats(0, minutes), st.booleans()), min_size=least, max_size=60)
    return drawn.map(
        lambda some: listing(
            *sorted(ago for ago, _ in some),
            deleted=[position for position, (_, is_deletion) in enumerate(some) if is_deletion and position % 7 == 3],
        )
    )


HISTORIES = histories(1, 5 * 1_440) | histories(30, 300) | histories(40, 2 * 1_440)
ANY_ORDER = st.lists(st.floats(0, 2_000), min_size=1, max_size=60).map(lambda minutes: listing(*minutes))


@pytest.mark.slow
@given(HISTORIES | ANY_ORDER, st.integers(1, 6))
def test_the_present_version_deletions_and_the_latest_ten_are_never_removed(
    versions: list[ObjectVersion], days: int
) -> None:
    gone = removed(versions, days)
    assert not gone & {one.id for one in versions[:LATEST]}
    assert not gone & {one.id for one in versions if one.latest or one.deleted}


@pytest.mark.slow
@given(HISTORIES | ANY_ORDER, st.integers(1, 6))
def test_the_state_as_of_a_full_hour_or_a_midnight_is_the_same(versions: list[ObjectVersion], days: int) -> None:
    kept = left(versions, days)
    for moment in moments(days):
        assert present_at(kept, moment) == present_at(versions, moment)


@pytest.mark.slow
@given(HISTORIES, st.integers(1, 6))
def test_a_second_thinning_at_the_same_moment_removes_nothing(versions: list[ObjectVersion], days: int) -> None:
    assert removed(left(versions, days), days) == set()


@pytest.mark.slow
@given(HISTORIES, st.integers(1, 6))
def test_few_versions_remain_whatever_their_number(versions: list[ObjectVersion], days: int) -> None:
    inside = [
        one
        for newer, one in pairwise(versions)
        if newer.modified > NOW - timedelta(days=days) and not one.deleted and one.id not in removed(versions, days)
    ]
    assert len(inside) <= LATEST + 24 + days + 1


def looked_up(versions: Sequence[ObjectVersion], gaps: Sequence[Gap], time: datetime) -> str | None:
    """Return the version as of a time as `Versions` finds it: None if the record says that it was removed."""
    since, newer = {gap.newer: gap.since for gap in gaps}, ""
    for one in versions:
        if newer in since and since[newer] <= time:
            return None
        if one.modified <= time:
            return one.id
        newer = one.id
    return ""


@pytest.mark.slow
@given(HISTORIES | ANY_ORDER, st.floats(0, 6 * 1_440), st.lists(st.integers(0, 3_000), max_size=4))
def test_a_time_leads_to_the_version_that_it_led_to_before_or_to_none(
    versions: list[ObjectVersion], ago: float, pauses: list[int]
) -> None:
    time, kept, gaps, now = NOW - timedelta(minutes=ago), list(versions), tuple[Gap, ...](), NOW
    before = looked_up(versions, (), time)
    for pause in [0, *pauses]:
        now += timedelta(minutes=pause)
        gone = {one.id for one in removable(kept, now, 6)}
        gaps = gaps_after(gaps, kept, gone)
        kept = [one for one in kept if one.id not in gone]
        found = looked_up(kept, gaps, time)
        assert found in {before, None}
        is_there = any(one.id == before for one in kept)
        assert is_there or not before or found is None


@pytest.mark.slow
@given(HISTORIES)
def test_a_thinning_that_is_repeated_after_a_crash_leads_to_the_same_record(versions: list[ObjectVersion]) -> None:
    gone = removed(versions)
    once = gaps_after((), versions, gone)
    assert gaps_after(once, versions, gone) == once
    half = set(sorted(gone)[::2])
    rest = [one for one in versions if one.id not in half]
    assert gaps_after(once, rest, gone - half) == once


@pytest.mark.parametrize("gone", [set[str](), {"v2"}, {"v2", "v3"}, {"v1", "v3"}])
def test_a_gap_names_the_version_after_it_and_its_first_time(gone: set[str]) -> None:
    versions = listing(1, 2, 3, 4)
    expected = {
        frozenset[str](): [],
        frozenset({"v2"}): [("v3", 3)],
        frozenset({"v2", "v3"}): [("v4", 3)],
        frozenset({"v1", "v3"}): [("v4", 2), ("v2", 4)],
    }[frozenset(gone)]
    found = gaps_after((), versions, gone)
    assert [(gap.newer, (NOW - gap.since).total_seconds() / 60) for gap in found] == expected


def test_gaps_grow_together_where_the_version_between_them_is_removed() -> None:
    versions = listing(1, 2, 3, 4, 5)
    first = gaps_after((), versions, {"v4", "v2"})
    left_over = [one for one in versions if one.id not in {"v4", "v2"}]
    [gap] = gaps_after(first, left_over, {"v3"})
    assert gap == Gap("v5", NOW - timedelta(minutes=4))


def test_a_gap_that_no_version_follows_is_dropped() -> None:
    assert gaps_after([Gap("expired", NOW)], listing(1, 2), set()) == ()
