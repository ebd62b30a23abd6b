"""Which versions of an object are kept, and what is known of those that were removed. Pure functions of a listing.

| versions                                        | kept                                                             |
|-------------------------------------------------|------------------------------------------------------------------|
| the latest ten, and every deletion              | always                                                           |
| present at a full hour (UTC) of the last day    | until that day is over                                           |
| present at a midnight (UTC) of the last `days`  | until the bucket's rule removes them                             |
| present when the last `days` began              | at that moment                                                   |
| replaced before the last `days`                 | by the bucket's rule alone, which removes them                   |
| all others                                      | no                                                               |

A version is present from its own time until the next version, as for `as_of` a time. So the state as of a full hour is
the same before and after, for every object of an index in shards too. What was removed is recorded as gaps.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from typing import Final

from vectord.service.snapshots.removed import Gap
from vectord.storage.base import ObjectVersion

LATEST: Final = 10
HOURS: Final = 24


def removable(versions: Sequence[ObjectVersion], now: datetime, days: int) -> list[ObjectVersion]:
    """Return the versions that are not kept; `versions` are all of one object, newest first."""
    kept = _present_at(versions, _moments(now, days))
    horizon = now - timedelta(days=days)
    return [
        version
        for position, (newer, version) in enumerate(pairwise(versions), 1)
        if position >= LATEST
        and position not in kept
        and not version.deleted
        and not version.latest
        and newer.modified > horizon
    ]


def _moments(now: datetime, days: int) -> Iterator[datetime]:
    """Yield the full hours of the last day, the midnights of the last `days`, and the moment when these began."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    yield from (hour - timedelta(hours=back) for back in range(HOURS))
    midnight = hour.replace(hour=0)
    yield from (midnight - timedelta(days=back) for back in range(days))
    yield now - timedelta(days=days)


def _present_at(versions: Sequence[ObjectVersion], moments: Iterator[datetime]) -> set[int]:
    """Return the positions of the versions that were present at some moment: the first one that is not younger."""
    # The times need not descend: S3 gives a multipart upload the time at which it began.
    earliest = list(accumulate((version.modified for version in versions), min))
    ages = [-time.timestamp() for time in earliest]
    return {bisect_left(ages, -moment.timestamp()) for moment in moments}


def gaps_after(gaps: Sequence[Gap], versions: Sequence[ObjectVersion], removed: Collection[str]) -> tuple[Gap, ...]:
    """Return the gaps of an object once the versions with the ids `removed` are gone, newest first.

    `versions` are all versions before, newest first. Gaps that no version follows any more are dropped.
    """
    before, pending = {gap.newer: gap.since for gap in gaps}, list[datetime]()
    found: list[Gap] = []
    for version in reversed(versions):
        if version.id in before:
            pending.append(before[version.id])
        if version.id in removed:
            pending.append(version.modified)
        elif pending:
            found.append(Gap(version.id, min(pending)))
            pending = []
    return tuple(reversed(found))
