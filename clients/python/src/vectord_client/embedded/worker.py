"""Threads of this process that work in the background, and never delay the end of the process."""

from collections.abc import Callable
from threading import Condition, Event, Thread
from time import monotonic


class Worker:
    """A queue of items, each at most once, and the thread that works on them; it starts with the first request.

    An item whose work raises an error is dropped. Python reports the error, as for every thread; a new thread goes on.
    """

    def __init__(self, name: str, work: Callable[[str], None]) -> None:
        self._name, self._work = name, work
        self._changed = Condition()
        self._queue: dict[str, float] = {}  # when the work may begin, by item, in the order of the first requests
        self._waiting = 0  # callers of `wait`
        self._running: str | None = None
        self._stopped = False
        self._thread: Thread | None = None

    def request(self, item: str, begin_at: float = 0.0) -> None:
        """Let the thread work on an item, and return at once; do nothing once the worker is closed.

        The work begins at `begin_at` on the monotonic clock, even if an earlier request of the item had another time.
        """
        with self._changed:
            if not self._stopped:
                self._queue[item] = begin_at
                self._start()
                self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait until no item is left, and let each begin at once; return False if that takes longer than `seconds`."""
        with self._changed:
            self._waiting += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: not self._queue and self._running is None, seconds)
            finally:
                self._waiting -= 1

    def pause(self, seconds: float) -> bool:
        """Wait, in the work of an item; return True at once when the worker is closed."""
        with self._changed:
            return self._changed.wait_for(lambda: self._stopped, seconds)

    def stop(self) -> None:
        """Drop what is not being worked on. The thread ends with its present item, or with the process."""
        with self._changed:
            self._stopped = True
            self._queue.clear()
            self._changed.notify_all()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        try:
            while (item := self._next()) is not None:
                self._work(item)
        except Exception:
            if not self._stopped:  # else the process ends, in which no thread can be started, and it is abandoned
                raise
        finally:
            with self._changed:
                self._running, self._thread = None, None
                if self._queue:
                    self._start()
                self._changed.notify_all()

    def _next(self) -> str | None:
        """Wait for an item; return None once the worker is stopped."""
        with self._changed:
            self._running = None
            self._changed.notify_all()
            while not self._stopped:
                item = min(self._queue, key=self._queue.__getitem__, default=None)
                seconds = None if item is None else self._queue[item] - monotonic()
                if item is not None and seconds is not None and (seconds <= 0 or self._waiting):
                    del self._queue[item]
                    self._running = item
                    return item
                self._changed.wait(seconds)
            return None


class Repeating:
    """A thread that does the same work again and again."""

    def __init__(self, name: str, work: Callable[[], object], *, first: float, interval: float) -> None:
        """Do it `first` seconds from now, and then every `interval` seconds."""
        self._work, self._first, self._interval = work, first, interval
        self._stopped = Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Do the work no more, unless it has begun."""
        self._stopped.set()

    def _run(self) -> None:
        seconds = self._first
        while not self._stopped.wait(seconds):
            self._work()
            seconds = self._interval
