"""Vectors are packed as little-endian float32, alike with numpy and without it."""

import base64
import os
import struct
import subprocess
import sys
from array import array
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vectord_client.errors import ArgumentInvalid
from vectord_client.rows.forms import add_blocks
from vectord_client.rows.pack import pack_vector, to_base64

floats = st.floats(-(2.0**100), 2.0**100, width=32)
dtypes = st.sampled_from(["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "i1", "<i2", ">i4", "<i8", "u1", ">u2", "<u4"])


@given(st.lists(floats, min_size=1, max_size=50))
def test_numbers_of_every_form_are_packed_alike(numbers: list[float]) -> None:
    packed = struct.pack(f"<{len(numbers)}f", *numbers)
    forms = (
        numbers,
        tuple(numbers),
        array("f", numbers),
        array("d", numbers),
        memoryview(array("f", numbers)),
        np.array(numbers, "f4"),
        np.array(numbers, ">f8"),
        np.repeat(np.array(numbers, "f4"), 2)[::2],
        base64.b64encode(packed).decode(),
        (number for number in numbers),
    )
    assert {pack_vector(form) for form in forms} == {packed}
    assert base64.b64decode(to_base64(packed)) == packed


@given(arrays.arrays(dtypes, st.tuples(st.integers(1, 20), st.integers(1, 20))), st.booleans(), st.booleans())
def test_a_matrix_of_any_dtype_and_order_is_packed_row_by_row(matrix: np.ndarray, fortran: bool, every: bool) -> None:
    with np.errstate(all="ignore"):
        matrix = np.nan_to_num(matrix, nan=1, posinf=1, neginf=1) if matrix.dtype.kind == "f" else matrix
        expected = matrix.astype("<f4")
        finite = np.isfinite(expected).all()
    given_form = np.asfortranarray(matrix) if fortran else np.repeat(matrix, 2, axis=0)[::2] if every else matrix
    ids = [str(row) for row in range(len(matrix))]
    if not finite:
        with pytest.raises(ArgumentInvalid, match="too large for float32"):
            add_blocks(ids=ids, vectors=given_form)
        return
    [block] = add_blocks(ids=ids, vectors=given_form)
    assert bytes(block.vectors) == expected.tobytes()


@pytest.mark.parametrize("length", [0, 2, 4])
def test_a_vector_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ArgumentInvalid):
        pack_vector([1.0] * length, 3)


PROGRAM = """
import sys
sys.modules["numpy"] = None  # as if it was not installed
from array import array
from vectord_client.rows.batches import body, cut
from vectord_client.rows.forms import add_blocks, row_blocks
from vectord_client.rows.fields import Names
from vectord_client.rows.pack import Shape

rows = [("a", [1, 0.5], {"n": 1}), ("b", array("f", [2, 3]), None), ("c", memoryview(array("d", [4, 5])), None)]
[batch] = cut(add_blocks(rows))
print(body(batch.rows).decode())
bad = [("a", [1, float("nan")]), ("b", [0, 0]), ("c", [1e39, 0]), ("d", [1, 2])]
[block] = row_blocks(bad, Names(), Shape(2, cosine=True))
print(block.ids, [row.position for row in block.bad])
"""


def test_rows_are_packed_without_numpy() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        '{"vectors":[{"id":"a","vector":"AACAPwAAAD8=","metadata":{"n":1}},{"id":"b","vector":"AAAAQAAAQEA="},'
        '{"id":"c","vector":"AACAQAAAoEA="}]}',
        "['d'] [0, 1, 2]",
    ]
