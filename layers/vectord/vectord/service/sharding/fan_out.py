"""Do the parts of a request side by side: in threads of this process, or each in an invocation of its own."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import Final, Protocol

import msgspec

from vectord.errors import FunctionBusy, OutcomeUnknown, StorageSilent, StoreRefused, StoreUnavailable
from vectord.service.environment import Environment, RetryPolicy
from vectord.service.sharding.failures import failed
from vectord.service.sharding.messages import ChangeRequest, ShardRequest, ShardResult

# Threads that wait for S3, as many as it has connections to; their computing is one processor's all the same.
_LOCAL: Final = 16
# Each waits for another function; a call costs about 0.4 ms of one processor, so more of them would not be faster.
_REMOTE: Final = 64
# Up to here threads are faster than calls, and what they read stays warm here.
FEW: Final = 2
MAX_MESSAGE: Final = 5 << 20  # bytes; Lambda takes and answers 6 MB
_HOP: Final = 0.5  # seconds of the caller's patience that a call itself may take
_OVERRUN: Final = 6.0  # seconds past its time that a part may need for a last request to storage, and a look
_OUTCOME: Final[msgspec.json.Decoder[ShardResult]] = msgspec.json.Decoder(ShardResult)

type RunRequest = Callable[[ShardRequest, float], ShardResult]
# Sends a message to another function and returns its answer; waits so many seconds.
type Invoke = Callable[[bytes, float], bytes]


class FanOut(Protocol):
    def run(self, parts: Sequence[ShardRequest], until: float) -> list[ShardResult]:
        """Return what became of each part, in their order; `until` as everywhere in the service."""


class Message(msgspec.Struct, frozen=True):
    """What one function asks of another: a part as JSON text, and the seconds that it may take."""

    part: str
    seconds: float


class WorkerPool(msgspec.Struct, frozen=True):
    """Threads of this process. Each meters for itself; what it metered goes to the thread that asked."""

    environment: Environment
    pool: ThreadPoolExecutor = msgspec.field(default_factory=partial(ThreadPoolExecutor, _LOCAL, "shard"))

    def each[T, R](self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Return what `work` makes of each item, in their order; raise what the first raised, once all have ended."""
        meter = self.environment.meter

        def one(item: T) -> tuple[R, dict[str, float]]:
            meter.drain()
            return work(item), meter.drain()

        tasks = [self.pool.submit(one, item) for item in items]
        wait(tasks)
        results = []
        for task in tasks:
            result, metered = task.result()
            results.append(result)
            for name, value in metered.items():
                meter.add(name, value)
        return results


class LocalFanOut(msgspec.Struct, frozen=True):
    """Does parts here."""

    perform: RunRequest
    crew: WorkerPool

    def run(self, parts: Sequence[ShardRequest], until: float) -> list[ShardResult]:
        return self.crew.each(lambda part: self.perform(part, until), parts)


class RemoteFanOut(msgspec.Struct, frozen=True):
    """Has other functions do parts; few of them, and what is too large to be sent, are done here."""

    here: LocalFanOut
    invoke: Invoke
    retry_policy: RetryPolicy = msgspec.field(default_factory=partial(RetryPolicy, max_attempts=4))
    few: int = FEW
    pool: ThreadPoolExecutor = msgspec.field(default_factory=partial(ThreadPoolExecutor, _REMOTE, "call"))

    def run(self, parts: Sequence[ShardRequest], until: float) -> list[ShardResult]:
        if len(parts) <= self.few:
            return self.here.run(parts, until)
        texts = [msgspec.json.encode(part) for part in parts]
        small = [place for place, text in enumerate(texts) if len(text) <= MAX_MESSAGE]
        large = [place for place, text in enumerate(texts) if len(text) > MAX_MESSAGE]
        calls = self.pool.map(lambda place: self._call(parts[place], texts[place].decode(), until), small)
        done = dict(zip(large, self.here.run([parts[place] for place in large], until), strict=True))
        done |= zip(small, calls, strict=True)
        return [done[place] for place in range(len(parts))]

    def _call(self, part: ShardRequest, text: str, until: float) -> ShardResult:
        """Have one part done; a change without a key is sent again only if it certainly did not arrive."""
        environment = self.here.crew.environment
        for _ in self.retry_policy.attempts(environment, until):
            left = until - environment.now()
            message = msgspec.json.encode(Message(text, max(0.0, left - _HOP)))
            try:
                return _OUTCOME.decode(msgspec.json.decode(self.invoke(message, left + _OVERRUN), type=str))
            except FunctionBusy:
                continue
            except StoreRefused as error:
                return failed(error)
            except StoreUnavailable:
                if isinstance(part, ChangeRequest) and part.key is None:
                    return failed(OutcomeUnknown(part.shard))
        return failed(StorageSilent())


def received(event: object) -> tuple[ShardRequest, float] | None:
    """Return the part and the seconds in what a function was invoked with, if that is a message; None if it is not.

    Raises:
        msgspec.ValidationError: it is a message of another version.
    """
    if not isinstance(event, dict) or event.keys() != {"part", "seconds"}:
        return None
    message = msgspec.convert(event, Message)
    return msgspec.json.decode(message.part, type=ShardRequest), message.seconds
