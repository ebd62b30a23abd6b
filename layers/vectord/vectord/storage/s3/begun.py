"""Reads that begin before they are asked for: the head of an object, and then ranges of it."""

from collections.abc import Callable, Mapping, Sequence
from threading import Event, Thread, get_ident

from vectord.errors import ConditionFailed, StoreError
from vectord.storage.base import ByteRange, Data, NotModified, ObjectHead

type Needed = Callable[[ObjectHead], int]
"""Returns how many of the first bytes of an object its reader certainly needs."""
type Following = Callable[[ObjectHead], Sequence[ByteRange]]
"""Returns the ranges that the reader of a head is expected to read next."""


class BegunReads:
    """A head that a thread reads, and the ranges that it then reads at its ETag. The thread that began them gets both.

    Each may be taken once, and the ranges only after the head.
    """

    def __init__(
        self,
        key: str,
        length: int,
        read_head: Callable[[], ObjectHead | NotModified],
        following: Following,
        read_ranges: Callable[[str, Sequence[ByteRange]], list[Data | StoreError]],
    ) -> None:
        self._key, self._length, self._reader = key, length, get_ident()
        self._read_head, self._following, self._read_ranges = read_head, following, read_ranges
        self._head: ObjectHead | NotModified | Exception | None = None
        self._is_taken = False
        self._ranges: Sequence[ByteRange] = ()
        self._results: Sequence[Data | StoreError] = ()
        self._has_head, self._has_ranges = Event(), Event()
        self._thread = Thread(target=self._run, name="s3-head", daemon=True)
        self._thread.start()

    def takes_head(self, key: str, length: int, known_etag: str | None) -> bool:
        """Return True, once, if this is the head that the present thread asks for."""
        is_for = (key, length, known_etag, get_ident()) == (self._key, self._length, None, self._reader)
        was_taken, self._is_taken = self._is_taken, True
        return is_for and not was_taken

    def head(self) -> ObjectHead | NotModified:
        """Return the head when it has been read, or raise the error of its request."""
        self._has_head.wait()
        if isinstance(self._head, Exception):
            raise self._head
        if self._head is None:
            raise AssertionError("the thread has ended without a result")
        return self._head

    def has_ranges(self, key: str, etag: str) -> bool:
        """Return True if ranges of an object at this ETag are read for the present thread, which has the head."""
        if not self._is_taken or (key, get_ident()) != (self._key, self._reader):
            return False
        self._has_ranges.wait()
        return isinstance(self._head, ObjectHead) and self._head.etag == etag and bool(self._ranges)

    def covers(self, byte_range: ByteRange) -> bool:
        """Return True if a range is part of one that is being read."""
        return any(_is_part(byte_range, other) for other in self._ranges)

    def read_of(self, ranges: Sequence[ByteRange]) -> Mapping[ByteRange, Data]:
        """Wait for the end of all reads, and return the bytes of those of `ranges` that were read.

        Raises:
            ConditionFailed: the object has changed.
        """
        self._thread.join()
        found = dict[ByteRange, Data]()
        for read, result in zip(self._ranges, self._results, strict=True):
            of_it = [wanted for wanted in ranges if _is_part(wanted, read)]
            if not isinstance(result, StoreError):
                found |= {(start, stop): result[start - read[0] : stop - read[0]] for start, stop in of_it}
            elif of_it and isinstance(result, ConditionFailed):
                raise result
        return found

    def _run(self) -> None:
        try:
            self._head = self._read_head()
            self._has_head.set()
            if isinstance(self._head, ObjectHead):
                self._ranges = self._following(self._head)
                self._has_ranges.set()
                self._results = self._read_ranges(self._head.etag, self._ranges)
        except StoreError as error:
            self._head = error
        finally:
            self._has_head.set()
            self._has_ranges.set()


def _is_part(part: ByteRange, whole: ByteRange) -> bool:
    return whole[0] <= part[0] and part[1] <= whole[1]
