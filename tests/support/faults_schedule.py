"""A seeded schedule of faults: the n-th request of a step of the protocol gets the same fault in every run."""

from collections import Counter
from collections.abc import Callable
from random import Random
from threading import Lock

from tests.support import faults
from tests.support.faults import Fault
from tools.proxy.exchange import Exchange
from vectord.storage.boto import Timeouts

READS = frozenset({"range", "get", "head", "list"})
COMMITS = frozenset({"create", "put", "complete", "delete"})
ALL = READS | COMMITS | {"upload", "part", "copy", "abort"}
WITH_BODY = frozenset({"create", "put", "part", "complete"})
# A repeated deletion is answered with "not found", which the client believes.
TWICE = frozenset({"create", "put", "part", "copy", "complete"})

type Maker = Callable[[Random], Fault]

SLOW_DOWN, INTERNAL = (503, "SlowDown"), (500, "InternalError")
CONFLICT = (409, "ConditionalRequestConflict")


def menu(timeouts: Timeouts) -> dict[str, tuple[frozenset[str], Maker]]:
    """Return the faults by name, each with the steps that it applies to; delays follow the timeouts."""
    return {
        "reply lost": (ALL, lambda _: faults.loses_reply),
        "request lost": (ALL, lambda _: faults.loses_request),
        "replayed": (TWICE, lambda _: faults.replays),
        "request cut": (WITH_BODY, lambda chance: faults.cuts_request(chance.random())),
        "answer cut": (ALL, lambda chance: faults.cuts_answer(chance.random())),
        "late": (ALL, lambda chance: faults.delays(timeouts.read * chance.uniform(1.2, 4))),
        "late reply": (ALL, lambda chance: faults.delays_reply(timeouts.read * chance.uniform(1.2, 2))),
        "slow": (ALL, lambda chance: faults.delays(timeouts.read * chance.uniform(0.05, 0.5))),
        "503": (ALL, lambda _: faults.refuses(*SLOW_DOWN)),
        "500": (ALL, lambda _: faults.refuses(*INTERNAL)),
        "409": (COMMITS, lambda _: faults.refuses(*CONFLICT)),
        "500 after the commit": (COMMITS, lambda _: faults.fails_after(*INTERNAL)),
    }


class Schedule:
    """Applies a fault to a share `rate` of the requests, and starts a burst of refusals at some of them.

    `dealt` counts the faults by name.
    """

    def __init__(self, seed: object, rate: float, timeouts: Timeouts) -> None:
        self.dealt: Counter[str] = Counter()
        self._seed, self._rate, self._menu = seed, rate, menu(timeouts)
        self._met: Counter[str] = Counter()
        self._burst: list[tuple[int, str]] = []
        self._lock = Lock()

    def __call__(self, exchange: Exchange) -> Fault:
        step = exchange.operation
        with self._lock:
            self._met[step] += 1
            chance = Random(f"{self._seed}/{step}/{self._met[step]}")
            if self._burst:
                self.dealt["in a burst"] += 1
                return faults.refuses(*self._burst.pop())
            if chance.random() >= self._rate:
                return faults.passes
            if chance.random() < 0.1:
                refusals = [SLOW_DOWN, INTERNAL, *([CONFLICT] if step in COMMITS else [])]
                self._burst = [chance.choice(refusals[:2])] * chance.randint(1, 5)
                self.dealt["in a burst"] += 1
                return faults.refuses(*chance.choice(refusals))
            name = chance.choice(sorted(name for name, (steps, _) in self._menu.items() if step in steps))
            self.dealt[name] += 1
            return self._menu[name][1](chance)
