"""What a load did."""

from collections.abc import Collection, Iterable
from typing import Final

import msgspec

from vectord_client.errors import BadItem

MOST_FAILED: Final = 10_000  # rows that a report lists


class LoadReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a load did.

    `added` and `replaced` count ids as the index does. `failed` lists the rows that were refused, with position (from
    0), id and reason: the first 10,000 of `failed_count`. `resumed` rows were in the index from an interrupted load.
    `via` is "batches" or "upload".
    """

    added: int = 0
    replaced: int = 0
    failed: tuple[BadItem, ...] = ()
    failed_count: int = 0
    resumed: int = 0
    seconds: float = 0.0
    via: str = "batches"

    @property
    def rows(self) -> int:
        """The number of rows that are in the index."""
        return self.added + self.replaced

    @property
    def rows_per_second(self) -> float:
        """Rows that this process loaded, per second."""
        return (self.rows - self.resumed) / self.seconds if self.seconds else 0.0

    def __repr__(self) -> str:
        parts = [f"{self.added:,} added", f"{self.replaced:,} replaced"]
        if self.failed_count:
            parts.append(f"{self.failed_count:,} failed")
        if self.resumed:
            parts.append(f"{self.resumed:,} from an earlier run")
        return f"<LoadReport {', '.join(parts)} in {self.seconds:.1f} s, {self.rows_per_second:,.0f} rows/s>"


class Tally:
    """The counts of a running load."""

    def __init__(self) -> None:
        self.added = self.replaced = self.failed_count = self.resumed = 0
        self.failed: list[BadItem] = []

    @property
    def rows(self) -> int:
        return self.added + self.replaced

    def count(self, added: int, replaced: int, failed: Iterable[BadItem] = ()) -> None:
        """Count the rows of a batch."""
        self.added, self.replaced = self.added + added, self.replaced + replaced
        for row in failed:
            self.failed_count += 1
            if len(self.failed) < MOST_FAILED:
                self.failed.append(row)

    def leave(self, rows: Collection[BadItem]) -> None:
        """Count rows as failed that were counted as loaded: the index has them with other contents."""
        replaced = min(self.replaced, len(rows))
        self.count(replaced - len(rows), -replaced, rows)

    def report(self, seconds: float) -> LoadReport:
        """Return the counts as a report."""
        return LoadReport(
            added=self.added,
            replaced=self.replaced,
            failed=tuple(sorted(self.failed, key=lambda row: row.position)),
            failed_count=self.failed_count,
            resumed=self.resumed,
            seconds=seconds,
        )
