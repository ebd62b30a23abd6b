"""numpy's files: which types are read, ids without loss, and headers that are damaged or hostile."""

import io
import warnings
import zipfile

import numpy as np
import pytest

from vectord.errors import BadItem, FileRefused
from vectord.readers.entry import Entry, NewVector
from vectord.readers.files import entries_of_file

LIMIT = 1 << 20
VECTORS = np.array([[1, 2], [3, 4]], np.float32)


def npy(array: np.ndarray) -> bytes:
    packed = io.BytesIO()
    np.lib.format.write_array(packed, array)
    return packed.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return packed.getvalue()


def header(text: str, data: bytes = b"") -> bytes:
    """Return a file of version 1 with this text as its header."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode("latin-1") + data


def read(name: str, data: bytes) -> list[Entry]:
    return list(entries_of_file(name, data, LIMIT))


def refusal(name: str, data: bytes) -> str:
    with pytest.raises(FileRefused) as refused:
        read(name, data)
    return str(refused.value)


def ids(array: np.ndarray) -> list[str | None]:
    entries = read("x.npz", npz(ids=array, vectors=np.ones((len(array), 2))))
    return [entry.id for entry in entries]


class TestVectors:
    @pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])
    @pytest.mark.parametrize("order", ["<", ">"])
    def test_of_any_real_type_are_read(self, kind: str, order: str) -> None:
        entries = read("x.npy", npy(VECTORS.astype(order + kind)))
        assert [entry.vector.tolist() for entry in entries if isinstance(entry, NewVector)] == VECTORS.tolist()

    @pytest.mark.parametrize("kind", ["?", "c8", "M8[s]", "m8[ns]", "V2", "U1", "S1", "g"])
    def test_of_another_type_are_refused_with_its_name(self, kind: str) -> None:
        array = np.zeros((2, 2), kind)
        found = refusal("x.npz", npz(ids=np.array(["a", "b"]), vectors=array))
        assert "vectors" in found
        assert array.dtype.str in found or str(array.dtype) in found

    def test_in_a_nested_structure_are_refused(self) -> None:
        array = np.zeros(2, [("id", "U1"), ("vector", [("x", "f4"), ("y", "f4")])])
        assert "vector" in refusal("x.npy", npy(array))


class TestIds:
    @pytest.mark.parametrize("kind", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])
    @pytest.mark.parametrize("order", ["<", ">"])
    def test_of_any_integer_type_are_exact(self, kind: str, order: str) -> None:
        dtype = np.dtype(order + kind)
        values = [np.iinfo(dtype).min, np.iinfo(dtype).max]
        assert ids(np.array(values, dtype)) == [str(value) for value in values]

    @pytest.mark.parametrize("order", ["<", ">"])
    def test_of_text_are_exact(self, order: str) -> None:
        texts = ["a", "é漢😀", "a\x00b", " a ", "e\u0301"]
        assert ids(np.array(texts, order + "U5")) == texts

    def test_of_bytes_are_utf_8(self) -> None:
        assert ids(np.array(["é".encode(), b"a"])) == ["é", "a"]

    def test_that_are_not_utf_8_are_bad_rows_and_are_not_replaced(self) -> None:
        entries = read("x.npz", npz(ids=np.array([b"caf\xe9", b"caf\xe8", b"ok"]), vectors=np.ones((3, 2))))
        bad = [entry for entry in entries if isinstance(entry, BadItem)]
        assert [(entry.position, entry.id) for entry in bad] == [(0, None), (1, None)]
        assert all("UTF-8" in entry.reason for entry in bad)

    @pytest.mark.parametrize("code", [0xD800, 0xDFFF, 0x110000, 0xFFFFFFFF])
    @pytest.mark.parametrize("order", ["<", ">"])
    def test_with_a_character_outside_unicode_are_bad_rows(self, code: int, order: str) -> None:
        array = np.array([[0x61, code], [0x62, 0]], order + "u4").view(order + "U2").reshape(2)
        entries = read("x.npz", npz(ids=array, vectors=VECTORS))
        assert isinstance(entries[0], BadItem)
        assert (entries[0].id, entries[1].id) == (None, "b")

    @pytest.mark.parametrize("kind", ["f4", "f8", "?", "c8", "M8[s]", "V4"])
    def test_of_another_type_are_refused_with_its_name(self, kind: str) -> None:
        array = np.zeros(2, kind)
        found = refusal("x.npz", npz(ids=array, vectors=VECTORS))
        assert "ids" in found
        assert array.dtype.str in found or str(array.dtype) in found


class TestUnknownNames:
    def test_an_array_of_another_name_is_refused(self) -> None:
        found = refusal("x.npz", npz(ids=np.array(["a", "b"]), vectors=VECTORS, Metadata=np.array(["1", "2"])))
        assert "Metadata" in found

    def test_a_field_of_another_name_is_refused(self) -> None:
        array = np.zeros(2, [("id", "U1"), ("vector", "f4", (2,)), ("Metadata", "U1")])
        assert "Metadata" in refusal("x.npy", npy(array))

    def test_padding_between_fields_is_not_a_field(self) -> None:
        array = np.zeros(2, np.dtype([("id", "S1"), ("vector", "f8", (2,))], align=True))
        array["id"], array["vector"] = [b"a", b"b"], VECTORS
        entries = read("x.npy", npy(array))
        assert [(entry.id, entry.vector.tolist()) for entry in entries if isinstance(entry, NewVector)] == [
            ("a", [1, 2]),
            ("b", [3, 4]),
        ]

    @pytest.mark.parametrize("kind", ["U5", ">U5", "S5", "i8"])
    def test_without_rows_is_a_file_without_entries(self, kind: str) -> None:
        fields = np.zeros(0, [("id", kind), ("vector", "f4", (2,)), ("metadata", "U5")])
        assert read("x.npy", npy(fields)) == []
        assert ids(np.zeros(0, kind)) == []

    def test_bytes_after_the_array_are_refused(self) -> None:
        assert "after" in refusal("x.npy", npy(VECTORS) + npy(VECTORS))


def member(compression: int = zipfile.ZIP_STORED, names: tuple[str, ...] = ("ids.npy", "vectors.npy")) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the name is there twice
        for name in names:
            archive.writestr(name, npy(VECTORS if name.startswith("v") else np.array(["a", "b"])))
    return packed.getvalue()


def encrypted() -> bytes:
    """Set the flag of encryption in the directory."""
    data = bytearray(member())
    place = data.index(b"PK\x01\x02")
    data[place + 8] |= 1
    return bytes(data)


F4 = "'descr': '<f4', 'fortran_order': False, "
DAMAGED = {
    "negative.npy": header(f"{{{F4}'shape': (-1, 2)}}"),
    "bool.npy": header(f"{{{F4}'shape': (True, 2)}}", bytes(8)),
    "list.npy": header(f"{{{F4}'shape': [1, 2]}}", bytes(8)),
    "rows.npy": header(f"{{{F4}'shape': (1000000000000, 2)}}", bytes(8)),
    "no-components.npy": header(f"{{{F4}'shape': (1000000000000, 0)}}"),
    "many-rows.npy": header(f"{{{F4}'shape': ({LIMIT // 2}, 0)}}"),
    "no-rows.npy": header(f"{{{F4}'shape': (0, {10**30})}}"),
    "digits.npy": header(f"{{{F4}'shape': ({'9' * 5_000},)}}"),
    "product.npy": header(f"{{{F4}'shape': ({'9' * 4_000}, {'9' * 4_000})}}"),
    "axes.npy": header(f"{{{F4}'shape': ({'1, ' * 100})}}", bytes(4)),
    "no-bytes.npy": header(f"{{{F4}'shape': (0, {f'{LIMIT}, ' * 5})}}"),
    "field-axes.npy": header(
        f"{{'descr': [('id', '<U1'), ('vector', '<f4', ({'1, ' * 100}))], 'fortran_order': False, 'shape': (1,)}}",
        bytes(8),
    ),
    "field-no-bytes.npy": header(
        "{'descr': [('id', '<U1'), ('vector', '<f4', (0, 4294967296))], 'fortran_order': False, 'shape': (1,)}",
        bytes(4),
    ),
    "open.npy": header(f"{{{F4}'shape': (1, 2"),
    "call.npy": header("().__class__()"),
    "nested.npy": header("[" * 5_000),
    "nul.npy": header("{'descr'\0: 1}"),
    "key.npy": header("{[]: 1}"),
    "empty.npy": header(""),
    "width.npy": header("{'descr': '<f3', 'fortran_order': False, 'shape': (1, 1)}", bytes(3)),
    "wide.npy": header("{'descr': '<U999999999', 'fortran_order': False, 'shape': ()}"),
    "no-text.npy": header("{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000000,)}"),
    "order.npy": header("{'descr': '<f4', 'fortran_order': 0, 'shape': (1, 2)}", bytes(8)),
    "fields.npy": header(
        "{'descr': [('id', '<U1'), ('vector', '<f4', (1000000000000,))], 'fortran_order': False, 'shape': (0,)}"
    ),
    "twice.npy": header("{'descr': [('id', '<U1'), ('id', '<U1')], 'fortran_order': False, 'shape': (0,)}"),
    "pickle.npy": header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"cos\nsystem\n(S'x'\ntR."),
    "version.npy": b"\x93NUMPY\x09\x00" + npy(VECTORS)[8:],
    "lzma.npz": member(zipfile.ZIP_LZMA),
    "bzip2.npz": member(zipfile.ZIP_BZIP2),
    "twice.npz": member(names=("ids.npy", "vectors.npy", "ids.npy")),
    "encrypted.npz": encrypted(),
    "folder.npz": member(names=("ids.npy", "vectors.npy", "more/")),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_or_hostile_file_is_refused(name: str) -> None:
    assert len(refusal(name, DAMAGED[name])) > 10


def test_a_header_with_other_tokens_is_not_evaluated() -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        refusal("x.npy", header("{'descr': '\\d'}"))  # Python's parser warns of this escape
    assert not warned


def test_a_header_of_python_2_is_read() -> None:
    (entry,) = read("x.npy", header(f"{{{F4}'shape': (1L, 2L), }}   \n", VECTORS[:1].tobytes()))
    assert isinstance(entry, NewVector)
    assert entry.vector.tolist() == [1, 2]
