"""A model of an index of 100 shards: latency, cost and load on S3 and Lambda of a search and of a batch.

`python -m tools.costs.sharded` prints the tables of docs/sharding.md. Measured figures are from
bench/studies/shards.py; the others are assumed, here or in tools/costs/search.py.
"""

from dataclasses import dataclass
from typing import Final

from tools.costs.search import GB_SECOND, MEMORY_GB, S3_BYTES_A_SECOND, START_SECONDS

SHARDS: Final = 100
ROWS: Final = 100_000  # vectors x 384 in one shard

CALL_SECONDS: Final = 0.0011  # measured: CPU seconds of the caller for one call with boto3, without TLS
HOP_SECONDS: Final = 0.02  # assumed: round trip to a function that is running
REQUEST_SECONDS: Final = 0.025  # assumed: time to S3's first byte
SLOWEST_SECONDS: Final = 0.2  # assumed: extra time of the slowest of thousands of requests

GET: Final = 0.40e-6  # dollars
PUT: Final = 5.00e-6
INVOCATION: Final = 0.20e-6
API: Final = 1.00e-6

GETS_A_SECOND: Final = 5_500  # S3's limit for one partitioned prefix
CONCURRENCY: Final = 1_000  # Lambda's default limit for an account

SPLICE_PUTS: Final = 4  # create, head with the new piece of the tail, copy, complete
SPLICE_GETS: Final = 3  # the head, and ranges in which ids are looked up
SPLICE_BYTES: Final = 5 << 20  # the head of a large blob, padded to the minimum part size of an upload
SPLICE_ROUNDS: Final = 5  # sequential requests


@dataclass(frozen=True)
class CacheState:
    """How much of a shard a function has cached, and the cost of searching ROWS rows of the shard then."""

    cached: str
    gets: int
    read: float  # bytes
    computing: float  # seconds of one processor
    rounds: int  # sequential requests
    start: float = 0.0

    @property
    def shard_seconds(self) -> float:
        """Seconds of one function for one shard."""
        return self.start + self.rounds * REQUEST_SECONDS + self.read / S3_BYTES_A_SECOND + self.computing

    @property
    def latency(self) -> float:
        """Seconds from the arrival of a search to its answer."""
        slowest = SLOWEST_SECONDS if SHARDS * self.gets > 1_000 else 0.0
        return REQUEST_SECONDS + SHARDS * CALL_SECONDS + HOP_SECONDS + self.shard_seconds + slowest

    @property
    def dollars(self) -> float:
        computing = (SHARDS * self.shard_seconds + self.latency) * MEMORY_GB * GB_SECOND
        return API + (1 + SHARDS) * INVOCATION + (1 + SHARDS * self.gets) * GET + computing


STATES: Final = (
    CacheState("nothing, and no process runs", gets=16, read=1.0e6, computing=0.007, rounds=3, start=START_SECONDS),
    CacheState("nothing", gets=16, read=1.0e6, computing=0.007, rounds=3),
    CacheState("what 10 searches read", gets=8, read=4.6e6, computing=0.005, rounds=3),
    CacheState("the whole shard", gets=1, read=0, computing=0.0012, rounds=1),
)


def searches() -> str:
    """Return the table of searches in Markdown."""
    lines = [
        "| each function has cached | answer, s | GETs | MB read | $ a million | a second, by GETs | by functions |",
        "|---|---|---|---|---|---|---|",
    ]
    for state in STATES:
        gets = 1 + SHARDS * state.gets
        read, dollars = SHARDS * state.read / 1e6, state.dollars * 1e6
        functions = CONCURRENCY / (SHARDS * state.shard_seconds + state.latency)
        lines.append(
            f"| {state.cached} | {state.latency:.2f} | {gets:,} | {read:,.0f} | {dollars:,.0f} "
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
