"""An operation survives its form as bytes, and damaged bytes are refused."""

from collections.abc import Sequence
from contextlib import suppress

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tests.support.vectors import item
from vectord.deadline import no_deadline
from vectord.errors import IndexNotFound, VectorsNotFound
from vectord.index import mutations, state
from vectord.index.state import Index
from vectord.lhv1.bucket_index import BucketIndex
from vectord.lhv1.params import Params
from vectord.lhv1.text_fields import TextField
from vectord.readers.entry import NewVector
from vectord.readers.matrix import EntryMatrix
from vectord.service.commit.idempotency import Keyed
from vectord.service.commit.operations import InBucket, IndexReplaced, OfIndex, pack, unpack
from vectord.service.commit.prepared import Operation
from vectord.service.values.options import IdempotencyKey
from vectord.service.values.selection import ChangeMetadata, Delete, Patch, Selection
from vectord.service.values.text_fields import DeclareText
from vectord.service.values.validation import Add, AddFiles, FileRows

IDS = st.sampled_from(["a", "b", "c", "d", "ü" * 40])
METADATA = st.none() | st.sampled_from([b"{}", b'{"year": 1999}', b'"text"', b"[1.50]"]).map(msgspec.Raw)
VECTORS = st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=2).map(np.array)
ENTRIES = st.lists(st.builds(NewVector, IDS, VECTORS, METADATA), max_size=6)
SELECTIONS = st.builds(Selection, st.lists(IDS, max_size=3)) | st.just(Selection(filter='{"year": 1999}'))
PATCHES = st.builds(Patch, st.sampled_from([b"null", b'{"year": null, "x": 1}']).map(msgspec.Raw))


def matrix(entries: Sequence[NewVector]) -> Add:
    vectors = np.array([entry.vector for entry in entries], np.float32).reshape(len(entries), 2)
    return Add(EntryMatrix([entry.id for entry in entries], vectors, [entry.metadata for entry in entries]))


def file_rows(entries: Sequence[NewVector]) -> FileRows:
    rows = Add(items=[structs.replace(item(one.id, one.vector), metadata=one.metadata) for one in entries])
    return FileRows("uploads/t/x.jsonl", f"{len(entries)}", rows, ["0"] * (len(entries) % 2))


FIELDS = st.dictionaries(
    st.text().filter(lambda path: path != "of.splade"), st.builds(TextField, st.none() | st.text(), st.booleans())
)
PLAIN: st.SearchStrategy[Operation] = (
    st.builds(Add, ENTRIES)
    | ENTRIES.map(matrix)
    | ENTRIES.map(lambda entries: Add(items=[item(one.id, one.vector) for one in entries]))
    | st.lists(st.builds(file_rows, ENTRIES), max_size=3).map(lambda files: AddFiles(files, 2, "euclidean"))
    | st.builds(Delete, SELECTIONS)
    | st.builds(ChangeMetadata, SELECTIONS.filter(lambda selection: selection.ids is None), PATCHES)
    | st.builds(DeclareText, FIELDS)
    | st.builds(DeclareText, st.none() | FIELDS, st.none() | st.lists(st.just("of.splade"), max_size=1).map(tuple))
)
KEYED = st.builds(Keyed, PLAIN | st.builds(InBucket, PLAIN), st.just(IdempotencyKey("the key", "0a1b2c3d")))
OPERATIONS = PLAIN | KEYED | st.builds(OfIndex, PLAIN | KEYED, st.just("c:first"))


def index() -> Index:
    empty = state.empty_index(Params("t", 2, distance="euclidean"))
    filled, *_ = mutations.upsert(empty, [item("a", (1, 0), {"year": 1999}), item("b", (0, 1))])
    bucket_index = BucketIndex(1_790_000_000, (), {}, "CLASSIC")
    return msgspec.structs.replace(filled, bucket_index=bucket_index, applied=("c:first",))


def content(changed: Index) -> tuple[object, ...]:
    rows = changed.rows
    return list(rows.ids), rows.vectors.tobytes(), dict(rows.metadata), changed.applied, changed.params


@given(OPERATIONS)
def test_an_unpacked_operation_does_what_the_packed_one_does(operation: Operation) -> None:
    expected, effect = operation.apply(index(), "t", no_deadline)
    changed, repeated = unpack(pack(operation)).apply(index(), "t", no_deadline)
    assert (content(changed), repeated) == (content(expected), effect)


@given(st.integers(0, 7))
def test_the_vectors_of_an_unpacked_operation_are_aligned(length: int) -> None:
    """The kernels in C read them as they are, when they are the first rows of an index."""
    unpacked = unpack(pack(matrix([NewVector("a" * length + "b", np.array([1.0, 2.0]), None)])))
    assert isinstance(unpacked, Add)
    assert isinstance(unpacked.entries, EntryMatrix)
    assert unpacked.entries.vectors.flags.aligned


@given(OPERATIONS, st.data())
def test_damaged_bytes_are_refused_or_are_another_operation(operation: Operation, data: st.DataObject) -> None:
    packed = bytearray(pack(operation))
    position = data.draw(st.integers(0, len(packed) - 1))
    packed[position] ^= data.draw(st.integers(1, 255))
    with suppress(ValueError):
        unpack(bytes(packed[: data.draw(st.integers(0, len(packed)))]))


def test_an_unpacked_deletion_is_refused_if_a_vector_is_missing_that_must_exist() -> None:
    deletion = unpack(pack(Delete(Selection(["a", "z"], must_exist=True))))
    with pytest.raises(VectorsNotFound) as caught:
        deletion.apply(index(), "t", no_deadline)
    assert caught.value.ids == ("z",)


def test_an_operation_of_another_format_is_refused() -> None:
    packed = msgspec.msgpack.decode(pack(Delete(Selection(["a"]))))
    with pytest.raises(ValueError, match="format 2"):
        unpack(msgspec.msgpack.encode({**packed, "format": 2}))


def test_an_operation_for_a_vector_bucket_changes_no_other_index() -> None:
    native = msgspec.structs.replace(index(), bucket_index=None)
    with pytest.raises(IndexNotFound):
        InBucket(Delete(Selection(["a"]))).apply(native, "t", no_deadline)


@pytest.mark.parametrize("key", [None, IdempotencyKey("the key", "0a1b2c3d")])
@pytest.mark.parametrize("identity", ["c:second", ""])
def test_an_operation_for_one_index_changes_no_other_one_and_says_that_it_was_created_again(
    key: IdempotencyKey | None, identity: str
) -> None:
    delete: Operation = Delete(Selection(["a"]))
    done, _ = (delete if key is None else Keyed(delete, key)).apply(index(), "t", no_deadline)
    operation = unpack(pack(OfIndex(delete if key is None else Keyed(delete, key), identity)))
    with pytest.raises(IndexReplaced, match="created again") as caught:
        operation.apply(done, "t", no_deadline)
    assert caught.value.name == "t"
