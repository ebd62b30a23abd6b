"""Run requests to shards in parallel: in threads of this process, or in further invocations of this function."""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from vectord.errors import (
    DeadlineExceeded,
    FunctionBusy,
    FunctionThrottled,
    OutcomeUnknown,
    StorageSilent,
    StoreRefused,
    StoreUnavailable,
    Throttled,
    Unavailable,
)
from vectord.service.sharding import messages
from vectord.service.sharding.failures import failed_result
from vectord.service.sharding.messages import (
    ChangeRequest,
    ChangeResult,
    SearchRequest,
    ShardRequest,
    ShardResult,
)
from vectord.service.single.index import SingleIndex
from vectord.service.snapshots.cache import SnapshotReader
from vectord.service.values.environment import Commit, Environment, RetryPolicy
from vectord.service.values.options import Deadline, ReadOptions

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

# Threads that wait for S3, one for each of its connections; they share one processor.
_LOCAL_THREADS: Final = 16
# Threads that wait for other functions; a call costs about 0.4 ms of one processor, so more would not be faster.
_REMOTE_THREADS: Final = 64
# Up to this number of requests, threads are faster than calls, and the sections that they read stay cached.
MAX_LOCAL: Final = 2
MAX_MESSAGE: Final = 6_000_000  # bytes of a request in a message; Lambda accepts 6,291,456 for the whole message
_MANY_MATCHES: Final = 100_000  # of a shard; as Python values they take some 15 MB
_CALL_SECONDS: Final = 0.5  # of the caller's time, reserved for the overhead of a call
_OVERRUN_SECONDS: Final = 6.0  # after its deadline, for the end of its last storage request
_ATTEMPTS: Final = 4  # of a call without a reply
# A call that is throttled is repeated until the deadline. Others wait too, so a free execution is used at once.
_UNTIL_THE_DEADLINE: Final = 1 << 30

type RunRequest = Callable[[ShardRequest, Deadline], ShardResult]
# Sends a message to another function and returns its answer; waits for the given number of seconds.
type Invoke = Callable[[bytes, float], bytes]


# Gets a function that returns a result, and returns what is kept of the result until all results are there.
type Collect = Callable[[Callable[[], ShardResult]], ShardResult]


def as_read(read: Callable[[], ShardResult]) -> ShardResult:
    """Keep the whole result."""
    return read()


class FanOut(Protocol):
    def run(
        self, requests: Sequence[ShardRequest], deadline: Deadline, collect: Collect = as_read
    ) -> list[ShardResult]:
        """Return what `collect` keeps of the result of each request, in their order."""


class Message(msgspec.Struct, frozen=True, rename={"request": "part"}):
    """A message between functions: a request as JSON text, and the seconds that it may take."""

    request: str
    seconds: float


class WorkerPool(msgspec.Struct, frozen=True, dict=True):
    """Threads of this process. Counts of a thread are added to the meter of the calling thread."""

    environment: Environment
    threads: int = _LOCAL_THREADS

    @cached_property
    def _executor(self) -> "ThreadPoolExecutor":
        return _executor(self.threads, "shard")

    def map[T, R](self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Return the result of `work` for each item, in their order; wait for all, then raise the first error."""
        meter = self.environment.meter
        commits, counts = list[Commit](), list[dict[str, float]]()

        def one(item: T) -> R:
            meter.drain()
            try:
                return work(item)
            finally:
                commits.extend(meter.commits)
                counts.append(meter.drain())

        tasks = [self._executor.submit(one, item) for item in items]
        for task in tasks:
            task.exception()  # waits
        meter.commits += commits
        for name, value in (count for counted in counts for count in counted.items()):
            meter.add(name, value)
        return [task.result() for task in tasks]


class LocalFanOut(msgspec.Struct, frozen=True):
    """Runs requests in threads of this process; searches for very many matches run one after the other."""

    run_request: RunRequest
    pool: WorkerPool

    def run(
        self, requests: Sequence[ShardRequest], deadline: Deadline, collect: Collect = as_read
    ) -> list[ShardResult]:
        def run_one(request: ShardRequest) -> ShardResult:
            if _has_many_matches(request):
                return collect(lambda: self.run_request(request, deadline))
            result = self.run_request(request, deadline)
            return collect(lambda: result)

        return self.pool.map(run_one, requests)


class RemoteFanOut(msgspec.Struct, frozen=True, dict=True):
    """Runs requests in further invocations; a few requests, and those too large for a message, run in this process.

    Calls without a reply are repeated by `retry_policy`, throttled ones by `throttle_policy`.
    """

    local: LocalFanOut
    invoke: Invoke
    retry_policy: RetryPolicy = RetryPolicy(max_attempts=_ATTEMPTS)
    throttle_policy: RetryPolicy = RetryPolicy(max_attempts=_UNTIL_THE_DEADLINE)
    max_local: int = MAX_LOCAL

    def run(
        self, requests: Sequence[ShardRequest], deadline: Deadline, collect: Collect = as_read
    ) -> list[ShardResult]:
        if len(requests) <= self.max_local:
            return self.local.run(requests, deadline, collect)
        texts = [messages.encode(request).decode() for request in requests]
        sizes = [len(msgspec.json.encode(text)) for text in texts]  # as a JSON string, which escapes some bytes
        small = [position for position, size in enumerate(sizes) if size <= MAX_MESSAGE]
        large = [position for position, size in enumerate(sizes) if size > MAX_MESSAGE]

        def call(position: int) -> ShardResult:
            return self._call(requests[position], texts[position], deadline, collect)

        calls = self._executor.map(call, small)
        in_process = self.local.run([requests[position] for position in large], deadline, collect)
        results = dict(zip(large, in_process, strict=True))
        results |= zip(small, calls, strict=True)
        self._record(results[position] for position in small)
        return [results[position] for position in range(len(requests))]

    def _record(self, results: Iterable[ShardResult]) -> None:
        """Record the commits of other invocations as this request's own."""
        for result in results:
            if isinstance(result, ChangeResult):
                self.local.pool.environment.meter.commits += result.commits

    @cached_property
    def _executor(self) -> "ThreadPoolExecutor":
        return _executor(_REMOTE_THREADS, "call")

    def _call(self, request: ShardRequest, text: str, deadline: Deadline, collect: Collect) -> ShardResult:
        """Send one request; resend a change without a key only if it certainly did not run."""
        environment, failures, throttles, may_have_run = self.local.pool.environment, 0, 0, False
        while True:
            left = environment.left(deadline)
            message = msgspec.json.encode(Message(text, max(0.0, left - _CALL_SECONDS)))
            error: Unavailable = StorageSilent()
            try:
                answer = self.invoke(message, left + _OVERRUN_SECONDS)
                return collect(partial(self._decode, request, answer, deadline))
            except FunctionThrottled:
                error, throttles = Throttled(), throttles + 1
                again = self._is_repeated(self.throttle_policy, throttles, deadline)
            except FunctionBusy:
                failures += 1
                again = self._is_repeated(self.retry_policy, failures, deadline)
            except StoreRefused as refusal:
                return failed_result(refusal)
            except StoreUnavailable:
                failures, may_have_run = failures + 1, isinstance(request, ChangeRequest)
                is_safe = not isinstance(request, ChangeRequest) or request.key is not None
                again = is_safe and self._is_repeated(self.retry_policy, failures, deadline)
            if not again:
                return failed_result(OutcomeUnknown(request.shard) if may_have_run else error)

    def _is_repeated(self, policy: RetryPolicy, failures: int, deadline: Deadline) -> bool:
        """Wait after a failure, and return True; return False at once if it was the last attempt of the policy."""
        if failures >= policy.max_attempts:
            return False
        return policy.wait(failures, self.local.pool.environment, deadline)

    def _decode(self, request: ShardRequest, answer: bytes, deadline: Deadline) -> ShardResult:
        """Decode a result; that of a search not after the deadline, because 100 of them may take a minute."""
        if isinstance(request, SearchRequest) and self.local.pool.environment.left(deadline) <= 0:
            return failed_result(DeadlineExceeded())
        return messages.decode_result(msgspec.json.decode(answer, type=str))


def _has_many_matches(request: ShardRequest) -> bool:
    return isinstance(request, SearchRequest) and len(request.query.vectors) * request.query.k > _MANY_MATCHES


class RunOnShard(Protocol):
    """Opens a shard and returns the result of `use`, with a retry loop of its own."""

    def __call__[R](self, shard: str, deadline: Deadline, read: ReadOptions, use: Callable[[SingleIndex], R]) -> R: ...


class ShardAccess(msgspec.Struct, frozen=True):
    """How an index uses its shards: `run` opens one, `fan_out` and `local` run shard requests, `pool` has threads."""

    reader: SnapshotReader
    run: RunOnShard
    fan_out: FanOut
    local: FanOut
    pool: WorkerPool


def _executor(threads: int, name: str) -> "ThreadPoolExecutor":
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  takes 2 ms; most indexes have no shards

    return ThreadPoolExecutor(threads, name)


def decode_message(event: object) -> tuple[ShardRequest, float]:
    """Return the request in a message, and the seconds that it may take.

    Raises:
        msgspec.ValidationError: the message has another format, as of another version of the code.
    """
    message = msgspec.convert(event, Message)
    return messages.decode_request(message.request), message.seconds
