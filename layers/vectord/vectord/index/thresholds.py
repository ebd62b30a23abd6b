"""Where an index changes its form; docs/decisions/format.md holds the measurements behind the defaults."""

import msgspec


class Thresholds(msgspec.Struct, frozen=True):
    """Bounds between the plain form and the packed one, and of what may lie beside a graph before it is built anew.

    From `packed` bytes on a commit copies what it leaves unchanged inside the store, and a cold search reads ranges;
    below, one plain request each way is sooner. A build is due when the tail has more than `tail_rows` rows and
    more than one in `tail_share` of the graph's (a cold search reads the tail whole, as it does the sketch), or when as
    many are removed and more than one in `removed_share`. A tail of more than `pieces` sections is written as one.
    `part` is what the head is padded to, since S3 takes no smaller part.
    """

    packed: int = 16 << 20
    tail_rows: int = 2_048
    tail_share: int = 32
    removed_share: int = 8
    pieces: int = 24
    part: int = 5 << 20


DEFAULT = Thresholds()
