"""The samples of a section of texts: the first terms of some of its blocks, and where these start; see docs/lhv1.md.

They are in the envelope, so that a search reads the blocks of its terms in the round of the front. They only choose
what is read early: the directory in the front says which block has a term.
"""

import struct
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

import msgspec

from vectord.errors import BlobCorrupt

type ByteRange = tuple[int, int]  # start and stop, in bytes of the section

LEAST_RUN: Final = 4_096  # bytes of a run of blocks at least, as the cache keeps pages of that size
MOST_RUNS: Final = 512  # of a field, about: what all of its blocks have is divided by it

_COUNT: Final = struct.Struct("<I")
_END_BYTES: Final = 4


class Run(msgspec.Struct, frozen=True):
    """Consecutive blocks of a field: a text that is above every earlier term and not above theirs, and their bytes."""

    first: bytes
    stop: int


class FieldSamples(msgspec.Struct, frozen=True):
    """The runs of one field: `starts` has where each begins in the section, and where the last one ends."""

    firsts: Sequence[bytes]
    starts: Sequence[int]

    def of_term(self, term: bytes) -> list[ByteRange]:
        """Return the bytes of the run that has the block of a term; none in a field without terms."""
        return self._ranges(bisect_right(self.firsts, term) - 1, 1)

    def of_prefix(self, prefix: bytes, most: int) -> list[ByteRange]:
        """Return the bytes of the runs that have terms which begin with a prefix, `most` of them at most."""
        first = bisect_right(self.firsts, prefix) - 1
        stop = bisect_right(self.firsts, prefix, key=lambda text: text[: len(prefix)])
        return self._ranges(first, min(most, stop - first))

    def _ranges(self, first: int, count: int) -> list[ByteRange]:
        return [(self.starts[first], self.starts[first + count])] if first >= 0 else []


def separator(before: bytes, term: bytes) -> bytes:
    """Return the shortest beginning of `term` that is above the term `before` it."""
    shared = next((at for at, (one, other) in enumerate(zip(before, term, strict=False)) if one != other), len(before))
    return term[: shared + 1]


def pack(fields: Sequence[Sequence[Run]]) -> bytes:
    """Return the samples of a section, from the runs of each field in order; a run stops where the next one starts."""
    return b"".join(map(_packed, fields))


def unpack(data: bytes, fields: int, front: int, size: int) -> list[FieldSamples]:
    """Return the samples of each field of a section of `size` bytes, whose blocks start behind the front.

    Raises:
        BlobCorrupt: they contradict themselves, or the section cannot have such blocks.
    """
    found, at, start = list[FieldSamples](), 0, front
    for _ in range(fields):
        each, at = _field(data, at, start)
        found.append(each)
        start = each.starts[-1]
    if at != len(data) or start > size:
        raise BlobCorrupt("the samples of its texts have other bytes than their counts, or blocks outside the section")
    return found


def _packed(runs: Sequence[Run]) -> bytes:
    firsts = [run.first for run in runs]
    stops = struct.pack(f"<{len(runs)}I", *(run.stop for run in runs))
    return b"".join((_COUNT.pack(len(runs)), stops, bytes(map(len, firsts)), *firsts))


def _field(data: bytes, at: int, start: int) -> tuple[FieldSamples, int]:
    """Return the samples of a field, whose blocks begin at `start` in the section, and where they end in `data`."""
    count = _COUNT.unpack_from(data, at)[0] if at + _COUNT.size <= len(data) else -1
    lengths = at + _COUNT.size + _END_BYTES * count
    if not 0 <= count <= len(data) or lengths + count > len(data):
        raise BlobCorrupt("the samples of its texts are too short for their counts")
    stops = struct.unpack_from(f"<{count}I", data, at + _COUNT.size)
    ends = list(accumulate(data[lengths : lengths + count], initial=lengths + count))
    firsts = [data[first:last] for first, last in pairwise(ends)]
    starts = [start, *(start + stop for stop in stops)]
    if ends[-1] > len(data) or not (_ascend(firsts) and _ascend(starts)) or (firsts and firsts[0]):
        raise BlobCorrupt("the samples of its texts do not ascend from the first term")
    return FieldSamples(firsts, starts), ends[-1]


def _ascend[T: (bytes, int)](values: Sequence[T]) -> bool:
    return all(one < other for one, other in pairwise(values))
