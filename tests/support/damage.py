"""Damage files as transfers, disks and bugs do, reproducibly."""

import gzip
import io
import random
import zipfile
from collections.abc import Iterator

LENGTHS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 10**12, 2**63 - 1, 2**64 - 1)


def damaged(data: bytes, other: bytes, seed: int) -> bytes:
    """Return `data` with one to four changes; the same for the same `seed`. Splices take bytes of `other`."""
    draw = random.Random(seed)
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        data = draw.choice((_flip, _flip, _cut, _drop, _repeat, _splice, _length, _zero))(bytearray(data), other, draw)
    return data


def many(files: dict[str, bytes], count: int, first_seed: int = 0) -> Iterator[tuple[str, int, bytes]]:
    """Yield name, seed and content of `count` damaged files, in turn of each of `files`."""
    names = sorted(files)
    for seed in range(first_seed, first_seed + count):
        name = names[seed % len(names)]
        other = files[names[(seed // len(names)) % len(names)]]
        yield (
            name,
            seed,
            _damaged_inside(name, files[name], seed) if seed % 3 == 0 else damaged(files[name], other, seed),
        )


def _damaged_inside(name: str, data: bytes, seed: int) -> bytes:
    """Damage what a compressed file contains, under correct checksums; other files as they are."""
    if name.endswith(".gz"):
        text = gzip.decompress(data)
        return gzip.compress(damaged(text, text, seed), 1, mtime=0)
    if not name.endswith(".npz"):
        return damaged(data, data, seed)
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as changed:
        names = archive.namelist()
        for number, member in enumerate(names):
            content = archive.read(member)
            is_chosen = number == seed // 3 % len(names)
            changed.writestr(member, damaged(content, content, seed) if is_chosen else content)
    return packed.getvalue()


def _place(data: bytearray, draw: random.Random) -> int:
    """Return a position: anywhere, or near one of the ends, where headers and footers are."""
    near = draw.randrange(min(200, len(data)) or 1)
    return draw.choice((draw.randrange(len(data) or 1), near, max(0, len(data) - 1 - near)))


def _flip(data: bytearray, other: bytes, draw: random.Random) -> bytes:
    for _ in range(draw.choice((1, 1, 2, 8))):
        if data:
            data[_place(data, draw)] = draw.choice((draw.randrange(256), 0, 0xFF, data[_place(data, draw)] ^ 1))
    return bytes(data)


def _cut(data: bytearray, other: bytes, draw: random.Random) -> bytes:
    return bytes(data[: _place(data, draw)] if draw.random() < 0.7 else data[_place(data, draw) :])


def _drop(data: bytearray, other: bytes, draw: random.Random) -> bytes:
    start = _place(data, draw)
    return bytes(data[:start] + data[start + draw.randrange(1, 40) :])


def _repeat(data: bytearray, other: bytes, draw: random.Random) -> bytes:
    start, stop = _place(data, draw), _place(data, draw)
    return bytes(data[:stop] + data[start : start + draw.randrange(1, 200)] + data[stop:])


def _splice(data: bytearray, other: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(other) or 1)
    piece = other[start : start + draw.randrange(1, 200)]
    place = _place(data, draw)
    return bytes(data[:place] + piece + data[place + draw.choice((0, len(piece))) :])


def _length(data: bytearray, other: bytes, draw: random.Random) -> bytes:
    """Overwrite some bytes by a number, in one of the forms in which formats write lengths."""
    value, place = draw.choice(LENGTHS), _place(data, draw)
    width = draw.choice((2, 4, 8))
    packed = (value & (256**width - 1)).to_bytes(width, draw.choice(("little", "big")))
    text = draw.choice((packed, packed, _varint(value), str(value).encode()))
    return bytes(data[:place] + text + data[place + draw.choice((0, len(text))) :])


def _zero(data: bytearray, other: bytes, draw: random.Random) -> bytes:
    start, size = _place(data, draw), draw.randrange(1, 64)
    data[start : start + size] = bytes(len(data[start : start + size]))
    return bytes(data)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
