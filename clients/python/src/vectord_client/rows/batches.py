"""Cut rows into batches by the bytes of their requests, and write the bodies of requests.

Lambda's 6 MB count the whole event, which is JSON with the body as one string: a quote, a backslash and a line break of
the body have two bytes there. docs/limits.md of the repository has the figures.
"""

import binascii
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from vectord_client.errors import BadItem
from vectord_client.rows.block import Block, joined, kept

REQUEST_BYTES: Final = 6_200_000  # of 6,291,456: up to 16 KB are headers, path and claims
COMMIT_BYTES: Final = 256 << 20  # of vectors, ids and metadata in one commit of embedded mode
BATCH_ROWS: Final = 100_000  # of one request

_BODY: Final = b'{"vectors":[', b"]}"
_FIXED: Final = len(b'{\\"vectors\\":[]}')
_ITEM: Final = len(b'{\\"id\\":,\\"vector\\":\\"\\"},')  # what a row has beside its values, as the event has it
_METADATA: Final = len(b',\\"metadata\\":')
_SPARSE: Final = len(b',\\"sparse\\":')
_DOUBLED: Final = (b'"', b"\\", b"\n", b"\r", b"\t")

Costs = Callable[[Block], list[int]]


def request_costs(block: Block) -> list[int]:
    """Return the bytes that each row takes in the event of a request."""
    fixed = _ITEM + (block.row_bytes + 2) // 3 * 4
    costs = [
        fixed + event_bytes(encode_id(row_id)) + (0 if text is None else _METADATA + event_bytes(text))
        for row_id, text in zip(block.ids, block.metadata, strict=True)
    ]
    for row, sparse in enumerate(block.sparse):
        costs[row] += 0 if sparse is None else _SPARSE + event_bytes(sparse)
    return costs


def memory_costs(block: Block) -> list[int]:
    """Return the bytes that each row takes in memory: vector, id and metadata."""
    return [
        block.row_bytes + len(row_id) + len(text or b"") for row_id, text in zip(block.ids, block.metadata, strict=True)
    ]


class Batch(msgspec.Struct, frozen=True):
    """The rows of one request; and the bad rows that were found between the batch before and the end of this one.

    `start` and `stop` are the positions of the part of the input that the batch is made of.
    """

    number: int
    start: int
    stop: int
    rows: Block | None
    bad: tuple[BadItem, ...] = ()

    def __len__(self) -> int:
        return 0 if self.rows is None else len(self.rows)


def cut(
    blocks: Iterable[Block], costs: Costs = request_costs, limit: int = REQUEST_BYTES, most_rows: int = BATCH_ROWS
) -> Iterator[Batch]:
    """Yield the rows of `blocks` in order, in batches of at most `limit` bytes and `most_rows` rows.

    A batch is as large as it can be, so the same rows and limits give the same batches. A row that alone is larger than
    `limit` becomes a bad row. A batch may have bad rows only.
    """
    cutter = _Cutter()
    for whole in blocks:
        sizes = costs(whole)
        too_large = {row: _too_large(size, limit) for row, size in enumerate(sizes) if size + _FIXED > limit}
        block, sizes = whole.without(too_large), kept(sizes, too_large) if too_large else sizes
        cutter.bad += block.bad
        first = 0
        for row, size in enumerate(sizes):
            if cutter.rows + row - first == most_rows or cutter.size + size > limit:
                cutter.take(block.rows(first, row))
                yield cutter.batch(block.positions[row])
                first = row
            cutter.size += size
        cutter.take(block.rows(first, len(block)))
    if cutter.rows or cutter.bad:
        yield cutter.batch(None)


class _Cutter:
    """The rows of the next batch."""

    def __init__(self) -> None:
        self.bad: list[BadItem] = []
        self.rows = 0
        self.size = _FIXED
        self._blocks: list[Block] = []
        self._number = self._start = 0

    def take(self, block: Block) -> None:
        """Append rows, whose size is counted already."""
        if len(block):
            self._blocks.append(block)
            self.rows += len(block)

    def batch(self, stop: int | None) -> Batch:
        """Return the rows as a batch that ends before position `stop`, or at the end of the input."""
        if stop is None:
            places = [block.positions[-1] for block in self._blocks[-1:]] + [row.position for row in self.bad]
            stop = max(places) + 1
        batch = Batch(
            self._number,
            self._start,
            stop,
            joined(self._blocks) if self._blocks else None,
            tuple(row for row in self.bad if row.position < stop),
        )
        self.bad = [row for row in self.bad if row.position >= stop]
        self._blocks, self.rows, self.size = [], 0, _FIXED
        self._number, self._start = self._number + 1, stop
        return batch


def body(rows: Block) -> bytes:
    """Return the body of the request that adds `rows`."""
    items: list[bytes] = []
    for row, (row_id, text) in enumerate(zip(rows.ids, rows.metadata, strict=True)):
        vector = binascii.b2a_base64(rows.vector(row), newline=False)
        tail = b"}" if text is None else b',"metadata":%b}' % text
        if rows.sparse and (sparse := rows.sparse[row]) is not None:
            tail = b',"sparse":%b%b' % (sparse, tail)
        items.append(b'{"id":%b,"vector":"%b"%b' % (encode_id(row_id), vector, tail))
    return _BODY[0] + b",".join(items) + _BODY[1]


def encode_id(row_id: str) -> bytes:
    """Return an id as JSON."""
    return msgspec.json.encode(row_id)


def event_bytes(text: bytes) -> int:
    """Return the bytes of a part of a body in the event of a request."""
    return len(text) + sum(map(text.count, _DOUBLED))


def _too_large(size: int, limit: int) -> str:
    return (
        f"the row has {size:,} bytes as it is sent, and a request has at most {limit:,}; "
        "shorten its metadata, or load it from a file by an upload link"
    )
