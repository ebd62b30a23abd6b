"""Write the section `text` from the postings of its fields; docs/lhv1.md describes it byte by byte."""

import zlib
from collections.abc import Sequence
from itertools import accumulate, pairwise

import msgspec
import numpy as np

from vectord.index.sections.base import Bytes
from vectord.index.sections.text_lists import Array, ManyLists, chunks, encode_bits, list_sizes, widths_of
from vectord.index.sections.text_postings import U32, Postings
from vectord.lhv1 import text_samples
from vectord.lhv1.text_layout import (
    BASE,
    BLOCK_TERMS,
    COUNTS,
    CRC32_BYTES,
    HEAD,
    LENGTH_BYTES,
    LISTED,
    MAX_DICTIONARY,
    MAX_INLINE,
    MAX_TERM,
    NO_LENGTHS,
    SMALL,
    FieldCounts,
    TextLayout,
    frequency_bytes,
)
from vectord.lhv1.text_samples import LEAST_RUN, MOST_RUNS, Run, separator


class PackedText(msgspec.Struct, frozen=True):
    """A section, and what the envelope states of it: the bytes of its front, and its samples, empty for a small one."""

    data: bytes
    front: int
    samples: bytes = b""


class _Field(msgspec.Struct, frozen=True):
    counts: FieldCounts
    directory: bytes
    lengths: bytes
    blocks: Sequence[bytes]
    lists: bytes
    runs: Sequence[Run]


def pack(fields: Sequence[Postings]) -> PackedText:
    """Return the section of one or more fields, which have the same n >= 1 rows. Equal postings give equal bytes."""
    rows = len(fields[0].lengths)
    packed = [_pack_field(field, rows) for field in fields]
    layout = TextLayout(rows, tuple(field.counts for field in packed))
    counts = b"".join(COUNTS.pack(*msgspec.structs.astuple(field.counts)) for field in packed)
    crc32 = zlib.crc32(counts, zlib.crc32(HEAD.pack(rows, len(fields), 0)[:-4]))
    parts = [HEAD.pack(rows, len(fields), crc32), counts]
    for field in packed:
        parts += field.directory, field.lengths
    for field in packed:
        parts += field.blocks
    parts += [field.lists for field in packed]
    samples = text_samples.pack([field.runs for field in packed]) if layout.size > SMALL else b""
    return PackedText(b"".join([*parts, bytes(layout.size - layout.end)]), layout.front, samples)


def _pack_field(postings: Postings, rows: int) -> _Field:
    if not all(0 < len(term) <= MAX_TERM for term in postings.terms) or len(postings.lengths) != rows:
        raise AssertionError("terms have 1 to 128 bytes, and all fields the same rows")
    blocks, lists = _blocks(postings, rows)
    directory = _directory(blocks, postings.terms[::BLOCK_TERMS])
    length_bytes, listed, lengths = (NO_LENGTHS, 0, b"") if postings.sparse else _lengths(postings.lengths)
    dictionary = sum(map(len, blocks))
    if dictionary > MAX_DICTIONARY:
        raise AssertionError("a dictionary has less than 4 GiB")
    counts = FieldCounts(
        int(postings.lengths.sum(dtype=np.int64)),
        len(lists),
        len(postings.terms),
        dictionary,
        sum(map(len, postings.terms[::BLOCK_TERMS])),
        length_bytes,
        listed,
        zlib.crc32(directory),
        zlib.crc32(lengths),
    )
    return _Field(counts, directory, lengths, blocks, lists, _runs(blocks, postings.terms))


def _runs(blocks: Sequence[bytes], terms: Sequence[bytes]) -> list[Run]:
    """Return the runs of the blocks of a field, which have its `terms`: as many blocks as have the bytes of a run."""
    runs, start, stop, first = list[Run](), 0, 0, b""
    least = max(LEAST_RUN, sum(map(len, blocks)) // MOST_RUNS)
    for number, block in enumerate(blocks, 1):
        stop += len(block)
        at = number * BLOCK_TERMS  # of the first term of the next block
        if stop - start >= least or at >= len(terms):
            runs.append(Run(first, stop))
            start, first = stop, separator(*terms[at - 1 : at + 1]) if at < len(terms) else b""
    return runs


def _directory(blocks: Sequence[bytes], first_terms: Sequence[bytes]) -> bytes:
    ends = np.array(list(accumulate(map(len, blocks))), "<u4")
    crc32s = np.array(list(map(zlib.crc32, blocks)), "<u4")
    return b"".join((ends.tobytes(), crc32s.tobytes(), bytes(map(len, first_terms)), *first_terms))


def _lengths(lengths: U32) -> tuple[int, int, bytes]:
    """Return the bytes of a length, the number of listed ones, and the bytes of all: the shortest way to write them."""
    plain = LENGTH_BYTES[int(np.searchsorted([LISTED - 1, 65_535], lengths.max()))]
    long = np.flatnonzero(lengths >= LISTED).astype("<u4")
    if 8 * len(long) > (plain - 1) * len(lengths):
        return plain, 0, lengths.astype(f"<u{plain}").tobytes()
    short = np.minimum(lengths, LISTED).astype(np.uint8)
    return 1, len(long), short.tobytes() + long.tobytes() + lengths[long].astype("<u4").tobytes()


def _blocks(postings: Postings, rows: int) -> tuple[list[bytes], bytes]:
    """Return the blocks, and the lists that are not in them, each with its crc32."""
    terms, frequencies = postings.terms, postings.frequencies
    most = np.maximum.reduceat(postings.counts, postings.starts[:-1]) if len(terms) else np.empty(0, np.uint32)
    widths = widths_of(most.astype(np.int64))
    sizes = list_sizes(rows, frequencies, widths)
    is_inline = sizes <= MAX_INLINE
    inline_ends = np.concatenate(([0], np.cumsum(np.where(is_inline, sizes, 0))))
    ends = np.concatenate(([0], np.cumsum(np.where(is_inline, 0, sizes + CRC32_BYTES))))
    data: Bytes = np.zeros(inline_ends[-1] + ends[-1], np.uint8)
    inline, long = data[: inline_ends[-1]], data[inline_ends[-1] :]
    _write_lists(data, np.where(is_inline, inline_ends[:-1], ends[:-1] + len(inline)), postings, widths, rows)
    _write_crc32s(long, ends[:-1][~is_inline], ends[1:][~is_inline])
    stored, starts, bases = memoryview(inline), inline_ends.tolist(), ends.tolist()
    lengths, of_widths, dfs = (
        bytes(map(len, terms)),
        widths.astype(np.uint8).tobytes(),
        frequencies.astype(f"<u{frequency_bytes(rows)}"),
    )
    blocks = []
    for first, last in pairwise([*range(0, len(terms), BLOCK_TERMS), len(terms)]):
        parts = (BASE.pack(bases[first]), lengths[first:last], of_widths[first:last], dfs[first:last].tobytes())
        blocks.append(b"".join((*parts, *terms[first:last], stored[starts[first] : starts[last]])))
    return blocks, long.tobytes()


def _write_lists(data: Bytes, at: Array, postings: Postings, widths: Array, rows: int) -> None:
    """Write the list of each term to its place."""
    frequencies, starts = postings.frequencies, postings.starts
    has_bits = 16 * frequencies > rows
    for term in np.flatnonzero(has_bits).tolist():
        start, stop = starts[term], starts[term + 1]
        encoded = encode_bits(postings.rows[start:stop], postings.counts[start:stop], rows, int(widths[term]))
        data[at[term] : at[term] + len(encoded)] = np.frombuffer(encoded, np.uint8)
    for first, last in chunks(starts):
        chosen = np.flatnonzero(~has_bits[first:last]) + first
        of_chosen = np.repeat(~has_bits[first:last], frequencies[first:last])
        some = slice(starts[first], starts[last])
        lists = ManyLists(at[chosen], frequencies[chosen], widths[chosen], rows)
        lists.write(data, postings.rows[some][of_chosen], postings.counts[some][of_chosen])


def _write_crc32s(data: Bytes, starts: Array, ends: Array) -> None:
    """Write the crc32 of each list behind it."""
    stored = memoryview(data)
    stops = ends - CRC32_BYTES
    crc32s = [zlib.crc32(stored[start:stop]) for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
    places = stops[:, None] + np.arange(CRC32_BYTES)
    data[places] = np.array(crc32s, "<u4").view(np.uint8).reshape(-1, CRC32_BYTES)
