"""Every form of rows becomes the same ids, float32 vectors and JSON texts."""

import base64
import math
from array import array
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from vectord_client.errors import ArgumentInvalid
from vectord_client.rows.block import joined
from vectord_client.rows.fields import make_names
from vectord_client.rows.forms import add_blocks

IDS = ["alien", "heat", "solaris"]


MATRIX = np.array([[1, 2.5], [0, -4], [0.1, 3]], np.float32)


METADATA = [{"year": 1979}, {"year": 1995}, {"year": 1972}]


TEXTS = [b'{"year":1979}', b'{"year":1995}', b'{"year":1972}']


LISTS = MATRIX.tolist()


FRAME = {"id": IDS, "vector": LISTS, "year": [1979, 1995, 1972]}


VECTORS = {
    "float32": MATRIX,
    "float64": MATRIX.astype(np.float64),
    "big endian": MATRIX.astype(">f4"),
    "Fortran order": np.asfortranarray(MATRIX),
    "every other column": np.repeat(MATRIX, 2, axis=1)[:, ::2],
    "reversed twice": MATRIX[::-1].copy()[::-1],
    "lists": LISTS,
    "tuples": [tuple(row) for row in LISTS],
    "list of arrays": list(MATRIX),
    "array.array": [array("f", row) for row in LISTS],
    "array.array of doubles": [array("d", row) for row in LISTS],
    "memoryview": memoryview(MATRIX),
    "memoryview of doubles": memoryview(MATRIX.astype(np.float64)),
    "memoryviews": [memoryview(row) for row in MATRIX],
    "base64": [base64.b64encode(row.astype("<f4").tobytes()).decode() for row in MATRIX],
    "array of objects": np.array(LISTS, object),
    "pandas Series": pd.Series(list(MATRIX)),
    "polars Series": pl.Series(LISTS),
    "polars Array": pl.Series(LISTS, dtype=pl.Array(pl.Float32, 2)),
    "Arrow array": pa.array(LISTS),
    "Arrow fixed size": pa.array(LISTS, pa.list_(pa.float32(), 2)),
    "generator": (row for row in LISTS),
}


def content(blocks) -> tuple[list[str], np.ndarray, list[bytes | None]]:
    block = joined(blocks)
    return block.ids, np.frombuffer(block.vectors, "<f4").reshape(len(block), -1), block.metadata


def check(blocks, texts=TEXTS) -> None:
    ids, vectors, metadata = content(blocks)
    assert ids == IDS
    assert vectors.tobytes() == MATRIX.tobytes()
    assert metadata == texts


@pytest.mark.parametrize("form", VECTORS)
def test_vectors_of_every_form_are_packed_as_float32(form: str) -> None:
    check(add_blocks(ids=IDS, vectors=VECTORS[form], metadata=METADATA))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">f8", ">i4", "g"])
def test_every_dtype_of_real_numbers_is_packed(dtype: str) -> None:
    matrix = np.array([[1, 2], [3, 4]]).astype(dtype)
    assert content(add_blocks(ids=["a", "b"], vectors=matrix))[1].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "ids", [tuple(IDS), np.array(IDS), np.array(IDS, object), pd.Series(IDS), pl.Series(IDS), pa.array(IDS), iter(IDS)]
)
def test_ids_of_every_form_are_accepted(ids: object) -> None:
    check(add_blocks(ids=ids, vectors=MATRIX, metadata=METADATA))


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, lambda columns: pa.Table.from_pylist(METADATA)])
def test_metadata_may_be_a_frame(frame) -> None:
    check(add_blocks(ids=IDS, vectors=MATRIX, metadata=frame({"year": FRAME["year"]})))


ROWS = {
    "tuples": list(zip(IDS, LISTS, METADATA, strict=True)),
    "lists": [list(row) for row in zip(IDS, LISTS, METADATA, strict=True)],
    "dicts": [
        dict(zip(("id", "vector", "metadata"), row, strict=True)) for row in zip(IDS, LISTS, METADATA, strict=True)
    ],
    "dicts with other fields": [{"id": i, "vector": v, **m} for i, v, m in zip(IDS, MATRIX, METADATA, strict=True)],
    "dicts with values": [{"id": i, "values": v, "metadata": m} for i, v, m in zip(IDS, LISTS, METADATA, strict=True)],
    "objects": [SimpleNamespace(id=i, vector=v, metadata=m) for i, v, m in zip(IDS, LISTS, METADATA, strict=True)],
    "dict of columns": FRAME,
    "pandas": pd.DataFrame(FRAME),
    "pandas of arrays": pd.DataFrame({**FRAME, "vector": list(MATRIX)}),
    "polars": pl.DataFrame(FRAME),
    "polars Array": pl.DataFrame({**FRAME, "vector": pl.Series(LISTS, dtype=pl.Array(pl.Float32, 2))}),
    "lazy": pl.DataFrame(FRAME).lazy(),
    "Arrow": pa.table(FRAME),
    "Arrow batch": pa.RecordBatch.from_pydict(FRAME),
    "Arrow reader": pa.table(FRAME).to_reader(),
    "Arrow in chunks": pa.concat_tables([pa.table(FRAME).slice(0, 1), pa.table(FRAME).slice(1)]),
    "Arrow slice": pa.table({name: [column[0], *column] for name, column in FRAME.items()}).slice(1),
    "Arrow fixed size": pa.table({**FRAME, "vector": pa.array(LISTS, pa.list_(pa.float32(), 2))}),
    "Arrow half": pa.table({**FRAME, "vector": pa.array(MATRIX.astype("f4").tolist(), pa.large_list(pa.float64()))}),
    "frames": [pd.DataFrame(FRAME)[:1], pl.DataFrame(FRAME)[1:]],
    "lists of rows": [list(zip(IDS, LISTS, METADATA, strict=True))[:2], [(IDS[2], LISTS[2], METADATA[2])]],
    "generator": (row for row in zip(IDS, MATRIX, METADATA, strict=True)),
}


@pytest.mark.parametrize("form", ROWS)
def test_rows_of_every_form_are_read(form: str) -> None:
    check(add_blocks(ROWS[form]))


def test_one_row_may_be_given_alone() -> None:
    for blocks in (
        add_blocks(("alien", [1, 2.5], {"year": 1979})),
        add_blocks({"id": "alien", "vector": [1, 2.5], "year": 1979}),
        add_blocks(ids="alien", vectors=MATRIX[0], metadata={"year": 1979}),
        add_blocks(ids=["alien"], vectors=[MATRIX[0]], metadata=[{"year": 1979}]),
    ):
        assert content(blocks)[0] == ["alien"]
        assert content(blocks)[1].tolist() == [[1, 2.5]]
        assert content(blocks)[2] == TEXTS[:1]


def test_a_float32_matrix_is_not_copied() -> None:
    matrix = np.ones((10, 4), "<f4")
    [block] = add_blocks(ids=[str(row) for row in range(10)], vectors=matrix)
    matrix[3] = 7
    assert block.vector(3).cast("f").tolist() == [7, 7, 7, 7]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_names_select_columns(make) -> None:
    frame = make({"key": IDS, "emb": LISTS, "year": [1979, 1995, 1972], "note": ["a", "b", "c"]})
    check(add_blocks(frame, names=make_names("key", "emb", ["year"])))


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_column_with_all_metadata_is_json_text_or_values(make) -> None:
    check(add_blocks(make({"id": IDS, "vector": LISTS, "metadata": [text.decode() for text in TEXTS]})))
    check(add_blocks(make({"id": IDS, "vector": LISTS, "about": METADATA}), names=make_names(metadata="about")))


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"id": ["a", "b"], "vector": [[1.0], [2.0]], "n": [1.5, math.nan], "t": ["x", None],
                      "d": [pd.NaT, pd.Timestamp("2020-01-02")], "i": pd.array([1, None], "Int64")}),
        pl.DataFrame({"id": ["a", "b"], "vector": [[1.0], [2.0]], "n": [1.5, math.nan], "t": ["x", None],
                      "d": [None, pd.Timestamp("2020-01-02").to_pydatetime()], "i": [1, None]}),
    ],
)  # fmt: skip
def test_empty_cells_of_a_frame_are_left_out(frame: object) -> None:
    assert content(add_blocks(frame))[2] == [b'{"n":1.5,"t":"x","i":1}', b'{"d":"2020-01-02T00:00:00"}']


def test_values_of_numpy_pandas_and_datetime_become_json() -> None:
    metadata = {
        "n": np.int64(3), "f": np.float32(0.5), "b": np.bool_(True), "a": np.array([[1, 2]]), "s": np.str_("x"),
        "t": pd.Timestamp("2020-01-02T03:04:05Z"), "d": np.datetime64("2020-01-02"), "none": None, "big": 2**70,
    }  # fmt: skip
    [block] = add_blocks([("a", [1.0], metadata)])
    assert block.metadata == [
        b'{"n":3,"f":0.5,"b":true,"a":[[1,2]],"s":"x","t":"2020-01-02T03:04:05Z","d":"2020-01-02","none":null,'
        b'"big":1180591620717411303424}'
    ]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_missing_column_is_refused_with_those_that_exist(make) -> None:
    with pytest.raises(
        ArgumentInvalid, match=r"has no column 'id'; its columns are 'key', 'vector'\. Name it with the option `id`"
    ):
        add_blocks(make({"key": IDS, "vector": LISTS}))
    with pytest.raises(
        ArgumentInvalid, match=r"has no column 'vector'; its columns are 'id', 'emb'\. Name it with the option `vector`"
    ):
        add_blocks(make({"id": IDS, "emb": LISTS}))
    with pytest.raises(ArgumentInvalid, match=r"has no column 'jahr'; .* Name it with the option `metadata`"):
        add_blocks(make(FRAME), names=make_names(metadata=["jahr"]))


def test_columns_that_are_there_twice_are_refused() -> None:
    frame = pd.DataFrame([["a", [1.0], 1, 2]], columns=["id", "vector", "year", "year"])
    with pytest.raises(ArgumentInvalid, match="columns more than once: 'year'"):
        add_blocks(frame)


def test_metadata_beside_other_columns_is_refused() -> None:
    with pytest.raises(ArgumentInvalid, match="a field 'metadata', and others that would be metadata as well: 'year'"):
        add_blocks(pd.DataFrame({**FRAME, "metadata": [None] * 3}))


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ArgumentInvalid, match="there are 2 ids and 3 vectors"):
        add_blocks(ids=["a", "b"], vectors=MATRIX)
    with pytest.raises(ArgumentInvalid, match="there are 3 ids and 1 values of metadata"):
        add_blocks(ids=IDS, vectors=MATRIX, metadata=[{}])


@pytest.mark.parametrize("rows", [5, "films.parquet", b"x"])
def test_what_is_not_rows_is_refused(rows: object) -> None:
    with pytest.raises(ArgumentInvalid, match="give tuples"):
        add_blocks(rows)


def test_missing_vectors_are_named() -> None:
    with pytest.raises(ArgumentInvalid, match="vectors= is missing"):
        add_blocks(ids=IDS)


def test_no_rows_are_no_blocks() -> None:
    assert joined_ids(add_blocks([])) == joined_ids(add_blocks(pd.DataFrame({"id": [], "vector": []}))) == []


def joined_ids(blocks) -> list[str]:
    return [row_id for block in blocks for row_id in block.ids]
