"""Texts as their terms, sections of them, and their scores by other code than the index has."""

import math
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from hypothesis import strategies as st

from vectord.index.sections.base import MemorySection
from vectord.index.sections.text import Text
from vectord.index.sections.text_postings import Postings
from vectord.index.sections.text_writer import PackedText, pack
from vectord.lhv1.text_layout import COUNTS, HEAD, TextLayout

type Counted = Mapping[bytes, int]  # the terms of one text, and how often it has each

_FEW_TERMS = [b"a", b"b", b"bb", b"c", "é".encode(), b"z" * 128]
_terms = st.sampled_from(_FEW_TERMS) | st.binary(min_size=1, max_size=3) | st.binary(min_size=1, max_size=128)
_counts = st.integers(1, 3) | st.sampled_from([254, 255, 256, 65_535, 65_536, 2**28])
texts = st.dictionaries(_terms, _counts, max_size=6)


def postings(rows: Sequence[Counted]) -> Postings:
    """Return the postings of texts, whose lengths are the sums of their counts."""
    pairs_of = defaultdict[bytes, list[tuple[int, int]]](list)
    for row, text in enumerate(rows):
        for term, count in text.items():
            pairs_of[term].append((row, count))
    terms = sorted(pairs_of)
    starts = np.cumsum([0, *(len(pairs_of[term]) for term in terms)])
    pairs = [pair for term in terms for pair in pairs_of[term]]
    numbers, counts = np.array(pairs, np.uint32).reshape(-1, 2).T
    lengths = np.array([sum(text.values()) for text in rows], np.uint32)
    return Postings(terms, starts, numbers, counts, lengths)


def packed(*fields: Sequence[Counted]) -> PackedText:
    return pack([postings(field) for field in fields])


def opened(section: PackedText, rows: int, fields: int = 1, data: bytes | None = None) -> Text:
    """Return a section in memory, perhaps with other bytes."""
    memory = MemorySection(section.data if data is None else data)
    return Text(memory, rows, fields, section.front, samples=section.samples)


def counted(text: Text, field: int, term: bytes) -> dict[int, int]:
    """Return the rows that have a term, and how often."""
    found = text.find(field, [term]).get(term)
    if found is None:
        return {}
    counts = np.ones(len(found.rows)) if found.counts is None else found.counts
    return dict(zip(found.rows.tolist(), counts.astype(int).tolist(), strict=True))


def resealed(data: bytes | bytearray, layout: TextLayout) -> bytes:
    """Return a section with the checksums that its bytes should have, from the lists to the head."""
    result = bytearray(data)
    for (_, last), (first, _), (start, stop), directory, field in zip(
        layout.postings, layout.postings, layout.dictionaries, layout.directories, layout.fields, strict=True
    ):
        _reseal_lists(result, layout.rows, (start, stop), first, field.terms)
        assert last <= len(result)
        ends = struct.unpack_from(f"<{field.blocks}I", data, directory[0])
        for block, (begin, end) in enumerate(zip((0, *ends), ends, strict=False)):
            crc32 = zlib.crc32(result[start + begin : start + end])
            struct.pack_into("<I", result, directory[0] + 4 * (field.blocks + block), crc32)
    for number, (field, (begin, end)) in enumerate(zip(layout.fields, layout.directories, strict=True)):
        crc32s = zlib.crc32(result[begin:end]), zlib.crc32(result[end : end + field.lengths(layout.rows)])
        struct.pack_into("<II", result, HEAD.size + COUNTS.size * (number + 1) - 8, *crc32s)
    counts = result[HEAD.size : HEAD.size + COUNTS.size * len(layout.fields)]
    struct.pack_into("<I", result, 8, zlib.crc32(counts, zlib.crc32(result[:8])))
    return bytes(result)


def _reseal_lists(data: bytearray, rows: int, dictionary: tuple[int, int], postings_at: int, terms: int) -> None:
    """Write the checksums of lists that are not in a block; only for a dictionary of one block, of up to 255 rows."""
    if not 0 < terms <= 64 or rows > 255:
        return
    at = dictionary[0] + 8
    widths, frequencies = data[at + terms : at + 2 * terms], struct.unpack_from(f"<{terms}B", data, at + 2 * terms)
    for width, frequency in zip(widths, frequencies, strict=True):
        if width > 3 or not 0 < frequency <= rows:
            return
        size = (-(-rows // 8) if 16 * frequency > rows else frequency) + (0, 1, 2, 4)[width] * frequency
        if size > 32:
            if postings_at + size + 4 > len(data):
                return
            struct.pack_into("<I", data, postings_at + size, zlib.crc32(data[postings_at : postings_at + size]))
            postings_at += size + 4


def oracle(
    rows: Sequence[Sequence[Counted]],
    query: Sequence[tuple[int, Iterable[bytes], float]],
    live: Sequence[int] | None = None,
) -> dict[int, float]:
    """Return the score of each live row that has a term of the query, by the formula alone.

    `rows` has the fields of each row, and `query` a field, its terms and its weight.
    """
    live = range(len(rows)) if live is None else live
    scores = dict[int, float]()
    for field, terms, weight in query:
        lengths = {row: sum(rows[row][field].values()) for row in live}
        average = math.fsum(lengths.values()) / max(1, len(live)) or 1.0
        for term in terms:
            having = [row for row in live if term in rows[row][field]]
            idf = math.log1p((len(live) - len(having) + 0.5) / (len(having) + 0.5))
            for row in having:
                tf = rows[row][field][term]
                part = idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * lengths[row] / average))
                scores[row] = scores.get(row, 0.0) + weight * part
    return scores
