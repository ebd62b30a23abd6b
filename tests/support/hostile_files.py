"""Small files that claim, or decode to, more than a function with 256 MB can hold; and spoilt ones."""

import gzip
import io
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np

from tests.support import parquet_bytes

VECTORS = np.array([[1, 2], [3, 4]], np.float32)
LINE = b'{"id":"a","vector":[1,0]}\n'


def npy(array: np.ndarray) -> bytes:
    packed = io.BytesIO()
    np.lib.format.write_array(packed, array)
    return packed.getvalue()


def header(shape: str, kind: str = "<f4", data: bytes = b"", *, fortran: bool = False, version: int = 1) -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2 if version == 1 else 4, "little") + text + data


def archive(compression: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as file:
        for name, data in (members or {"ids": npy(np.array(["a", "b"])), "vectors": npy(VECTORS)}).items():
            file.writestr(f"{name}.npy", data)
    return packed.getvalue()


def twice() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("ids", "vectors", "ids"):
            file.writestr(f"{name}.npy", npy(VECTORS))
    return packed.getvalue()


def spoilt(data: bytes, place: int) -> bytes:
    return data[:place] + bytes(byte ^ 0x5A for byte in data[place : place + 20]) + data[place + 20 :]


def in_directory(data: bytes, offset: int, value: int, width: int = 4) -> bytes:
    """Return an archive with another number in each entry of its directory."""
    changed, place = bytearray(data), -1
    while (place := data.find(b"PK\x01\x02", place + 1)) >= 0:
        changed[place + offset : place + offset + width] = value.to_bytes(width, "little")
    return bytes(changed)


def gzipped(block: bytes, count: int, end: bytes = b"") -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return b"".join([*(packer.compress(block) for _ in range(count)), packer.compress(end), packer.flush()])


def parquet(select: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.parquet")
        duckdb.connect().execute(f"copy ({select}) to '{path}' (format parquet)")
        return path.read_bytes()


VECTOR = "[1, 0]::float[] as vector"

FILES: dict[str, Callable[[], bytes]] = {
    "rows.npy": lambda: header("(300000000, 0)"),
    "more-rows.npy": lambda: header("(10000000000000, 0)", version=2),
    "negative.npy": lambda: header("(-2, -3)"),
    "axes.npy": lambda: header(f"({'1, ' * 70})", data=bytes(4)),
    "no-width.npy": lambda: header("(100000000,)", "<U0"),
    "stride.npy": lambda: header("(1, 4611686018427387904)", fortran=True, version=3),
    "object.npy": lambda: header("(3,)", "|O", b"cos\nsystem\n(S'x'\ntR."),
    "dates.npy": lambda: header("(10, 2)", "<M8[ns]", bytes(160)),
    "components.npy": lambda: header("(40000000, 1)", "|i1", b"\1" * 40_000_000),
    "bzip2.npz": lambda: archive(zipfile.ZIP_BZIP2),
    "lzma.npz": lambda: spoilt(archive(zipfile.ZIP_LZMA), 55),
    "deflate64.npz": lambda: in_directory(archive(zipfile.ZIP_DEFLATED), 10, 9, 2),
    "spoilt.npz": lambda: spoilt(archive(zipfile.ZIP_DEFLATED), 60),
    "encrypted.npz": lambda: in_directory(archive(), 8, 1, 2),
    "twice.npz": twice,
    "checksum.npz": lambda: in_directory(archive(), 16, 0),
    "size.npz": lambda: in_directory(archive(zipfile.ZIP_DEFLATED), 24, 10),
    "rows.npz": lambda: archive(
        zipfile.ZIP_DEFLATED, ids=npy(np.zeros(500_000, "S1")), vectors=npy(np.ones((500_000, 2), "i1"))
    ),
    "metadata.npz": lambda: archive(
        zipfile.ZIP_DEFLATED,
        ids=npy(np.array(["a"])),
        vectors=npy(VECTORS[:1]),
        metadata=npy(np.array([b"[" + b"[]," * 10_000_000 + b"0]"])),
    ),
    "cut.jsonl.gz": lambda: gzip.compress(LINE * 1_000)[:-9],
    "after.jsonl.gz": lambda: gzip.compress(LINE) + b"more",
    "zeros.jsonl.gz": lambda: gzipped(bytes(1 << 20), 100),
    "members.jsonl.gz": lambda: gzip.compress(b"\n" * 1_000_000) * 100,
    "rows.jsonl.gz": lambda: gzipped(b'{"id":"a","vector":[]}\n' * 10_000, 150),
    "bad-rows.jsonl.gz": lambda: gzipped(b"{}\n" * 10_000, 1_000),
    "values.jsonl.gz": lambda: gzipped(b"[]," * 100_000, 100),
    "metadata.jsonl.gz": lambda: gzip.compress(
        b'{"id":"a","vector":[1,0],"metadata":[' + b'{"":0},' * 5_000_000 + b"0]}"
    ),
    "components.jsonl.gz": lambda: gzip.compress(b'{"id":"a","vector":[1' + b",1" * 15_000_000 + b"]}"),
    "ids.jsonl.gz": lambda: gzip.compress((b'{"id":"' + b"a" * 1_000_000 + b'","vector":[1,0]}\n') * 40),
    "bad-rows.jsonl": lambda: b"x\n" * 300_000,
    "rows.parquet": lambda: parquet("select 'a' as id, []::float[] as vector from range(3000000)"),
    "nulls.parquet": lambda: parquet("select 'a' as id, null::float[] as vector from range(80000)"),
    "components.parquet": lambda: parquet(
        "select 'a' as id, [1 for x in range(4000)]::float[] as vector from range(3000)"
    ),
    "ids.parquet": lambda: parquet(f"select repeat('x', 100000) as id, {VECTOR} from range(400)"),
    "metadata.parquet": lambda: parquet(
        f"select 'a' as id, {VECTOR}, '\"' || repeat('x', 100000) || '\"' as metadata from range(600)"
    ),
    "values.parquet": lambda: parquet(
        f"select 'a' as id, {VECTOR}, [[] for x in range(10000)] as metadata from range(3000)"
    ),
    "nested.parquet": lambda: parquet("select 'a' as id, [[[1.0]]] as vector"),
    "groups.parquet": lambda: parquet_bytes.file([], groups=parquet_bytes.claim(2_000_000_000)),
    "schema.parquet": lambda: parquet_bytes.file([], schema=parquet_bytes.claim(2_000_000_000)),
    "columns.parquet": lambda: parquet_bytes.file(
        [], schema=("l", [parquet_bytes.element(f"c{number}", 4) for number in range(100_000)])
    ),
    "group-rows.parquet": lambda: parquet_bytes.file([parquet_bytes.page(1, b"\1\0\0\0a")], values=1 << 40),
    "page.parquet": lambda: parquet_bytes.file([parquet_bytes.page(1, b"\1\0\0\0a", size=2_000_000_000)]),
    "pages.parquet": lambda: parquet_bytes.file([parquet_bytes.page(0, bytes(4 << 20))] * 1_000),
}
