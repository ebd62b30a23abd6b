"""Two callers on one store, stepped against each other: every order of their storage requests is run.

Each caller has a store of its own in front of the shared one. It waits before each request until the schedule releases
it, so one request runs at a time. `every_order` explores the schedules depth first: it repeats a run with the choices
of the run before, but for the last one that has an alternative.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Any

from vectord.errors import VectordError

_FIRST, _SECOND = 0, 1
_SECONDS = 20.0  # until a caller that neither asks nor ends fails the test


class _Gate:
    """Lets one request at a time pass, of the caller that is released."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting = {_FIRST: 0, _SECOND: 0}
        self._running = {_FIRST: True, _SECOND: True}
        self._passing: int | None = None

    def request(self, caller: int, run: Callable[[], Any]) -> Any:
        with self._changed:
            self._waiting[caller] += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._passing == caller, _SECONDS)
            self._waiting[caller] -= 1
            self._passing = None
            try:
                return run()
            finally:
                self._changed.notify_all()

    def end(self, caller: int) -> None:
        with self._changed:
            self._running[caller] = False
            self._changed.notify_all()

    def ready(self) -> list[int]:
        """Wait until each caller asks for a request or has ended; return those that ask."""
        with self._changed:
            settled = self._changed.wait_for(
                lambda: (
                    self._passing is None
                    and all(self._waiting[caller] or not self._running[caller] for caller in self._running)
                ),
                _SECONDS,
            )
            assert settled, "a caller neither asks for a request nor ends"
            return [caller for caller in self._waiting if self._waiting[caller]]

    def release(self, caller: int) -> None:
        with self._changed:
            self._passing = caller
            self._changed.notify_all()


class SteppedStore:
    """The store of one caller: every method of the shared store, each as one step."""

    def __init__(self, shared: Any, gate: _Gate, caller: int) -> None:
        self._shared, self._gate, self._caller = shared, gate, caller

    def __getattr__(self, method: str) -> Any:
        real = getattr(self._shared, method)
        return lambda *arguments, **named: self._gate.request(self._caller, lambda: real(*arguments, **named))


@dataclass
class Run:
    """One run: what each caller returned or raised, and the order of the requests, such as `first head`."""

    outcomes: dict[int, Any] = field(default_factory=dict)
    choices: list[tuple[int, list[int]]] = field(default_factory=list)

    @property
    def first(self) -> Any:
        return self.outcomes[_FIRST]

    @property
    def second(self) -> Any:
        return self.outcomes[_SECOND]

    @property
    def order(self) -> str:
        return "".join("12"[caller] for caller, _ in self.choices)


type Caller = Callable[[Any], Any]  # gets its store


def every_order[S](set_up: Callable[[], S], first: Caller, second: Caller) -> Iterator[tuple[S, Run]]:
    """Run two callers in every order of their requests, each time on a store that `set_up` returns."""
    prefix: list[int] = []
    while True:
        store = set_up()
        run = _run(store, [first, second], prefix)
        yield store, run
        choices = run.choices
        while choices and choices[-1][0] == choices[-1][1][-1]:
            choices.pop()
        if not choices:
            return
        caller, ready = choices[-1]
        prefix = [chosen for chosen, _ in choices[:-1]] + [ready[ready.index(caller) + 1]]


def _run(store: Any, callers: Sequence[Caller], prefix: Sequence[int]) -> Run:
    gate, run = _Gate(), Run()

    def call(caller: int) -> None:
        try:
            run.outcomes[caller] = callers[caller](SteppedStore(store, gate, caller))
        except VectordError as error:
            run.outcomes[caller] = error
        finally:
            gate.end(caller)

    threads = [Thread(target=call, args=(caller,), daemon=True) for caller in (_FIRST, _SECOND)]
    for thread in threads:
        thread.start()
    while ready := gate.ready():
        step = len(run.choices)
        chosen = prefix[step] if step < len(prefix) else ready[0]
        run.choices.append((chosen, ready))
        gate.release(chosen)
    for thread in threads:
        thread.join()
    return run
