"""An index of 100 shards on paper: what a search and a batch take, cost, and ask of S3 and Lambda.

It prints the tables of docs/sharding.md. What is measured was measured by bench/shards.py; the rest is assumed, or as
tools/costs.py has it.
"""

from dataclasses import dataclass
from typing import Final

from tools.costs import GB_SECOND, MEMORY_GB, S3_BYTES_A_SECOND, START_SECONDS

SHARDS: Final = 100
ROWS: Final = 100_000  # of 384 components, in one shard

CALL_SECONDS: Final = 0.0004  # measured: of the caller's processor, a call; TLS would add some
HOP_SECONDS: Final = 0.02  # assumed: from a call to a running function's first instruction, and back
REQUEST_SECONDS: Final = 0.025  # assumed: S3's first byte
SLOWEST_SECONDS: Final = 0.2  # assumed: what the slowest of thousands of requests takes longer than most

GET: Final = 0.40e-6  # dollars
PUT: Final = 5.00e-6
INVOCATION: Final = 0.20e-6
API: Final = 1.00e-6

GETS_A_SECOND: Final = 5_500  # S3, of each prefix that it has partitioned
PUTS_A_SECOND: Final = 3_500
CONCURRENCY: Final = 1_000  # Lambda, an account's unless it asks for more

SPLICE_PUTS: Final = 5  # create, head, copy, tail, complete
SPLICE_GETS: Final = 3  # the head, and ranges to look ids up in
SPLICE_BYTES: Final = 5 << 20  # the head of a large blob, padded to the least part of an upload
SPLICE_ROUNDS: Final = 5  # of requests, one after the other


@dataclass(frozen=True)
class Held:
    """What a function holds of a shard, and what a search of the shard takes then, as measured on ROWS rows."""

    what: str
    gets: int
    read: float  # bytes
    computing: float  # seconds of one processor
    rounds: int  # of requests, one after the other
    start: float = 0.0

    @property
    def part(self) -> float:
        """Seconds that a function takes for one shard."""
        return self.start + self.rounds * REQUEST_SECONDS + self.read / S3_BYTES_A_SECOND + self.computing

    @property
    def answer(self) -> float:
        """Seconds from the request's arrival to its answer."""
        slowest = SLOWEST_SECONDS if SHARDS * self.gets > 1_000 else 0.0
        return REQUEST_SECONDS + SHARDS * CALL_SECONDS + HOP_SECONDS + self.part + slowest

    @property
    def dollars(self) -> float:
        computing = (SHARDS * self.part + self.answer) * MEMORY_GB * GB_SECOND
        return API + (1 + SHARDS) * INVOCATION + (1 + SHARDS * self.gets) * GET + computing


STATES: Final = (
    Held("nothing runs yet", gets=47, read=6.4e6, computing=0.011, rounds=3, start=START_SECONDS),
    Held("nothing of its shard", gets=47, read=6.4e6, computing=0.011, rounds=3),
    Held("the sketch", gets=40, read=5.7e6, computing=0.0065, rounds=3),
    Held("all of it", gets=1, read=0, computing=0.0015, rounds=1),
)


def searches() -> str:
    """Return the table of searches in Markdown."""
    lines = [
        "| each function holds | answer, s | GETs | MB read | $ a million | a second, by GETs | by functions |",
        "|---|---|---|---|---|---|---|",
    ]
    for held in STATES:
        gets = 1 + SHARDS * held.gets
        read, dollars = SHARDS * held.read / 1e6, held.dollars * 1e6
        functions = CONCURRENCY / (SHARDS * held.part + held.answer)
        lines.append(
            f"| {held.what} | {held.answer:.2f} | {gets:,} | {read:,.0f} | {dollars:,.0f} "
            f"| {GETS_A_SECOND / gets:,.1f} | {functions:,.0f} |"
        )
    return "\n".join(lines)


def batches() -> str:
    """Return the table of batches in Markdown."""
    lines = ["| rows in a batch | shards that it touches | $ a batch | $ a million rows |", "|---|---|---|---|"]
    for rows in (10, 100, 1_000):
        touched = SHARDS * (1 - (1 - 1 / SHARDS) ** rows)
        seconds = SPLICE_ROUNDS * REQUEST_SECONDS + SPLICE_BYTES / S3_BYTES_A_SECOND
        computing = (touched + 1) * seconds * MEMORY_GB * GB_SECOND
        dollars = API + touched * (INVOCATION + SPLICE_PUTS * PUT + SPLICE_GETS * GET) + computing
        lines.append(f"| {rows:,} | {touched:,.0f} | {dollars:.5f} | {dollars / rows * 1e6:,.1f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(searches(), batches(), sep="\n\n")
