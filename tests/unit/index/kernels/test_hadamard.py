"""The rotation before a sketch's signs keeps lengths and angles, and never changes."""

import hashlib

import numpy as np
import numpy.typing as npt
import pytest

from vectord.index.kernels.hadamard import rotate

DIMENSIONS = [1, 2, 3, 64, 65, 100, 384, 1_536, 4_095, 4_096]


def gaussian(rows: int, dimension: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(dimension).standard_normal((rows, dimension)).astype(np.float32)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_lengths_and_inner_products_are_kept(dimension: int) -> None:
    vectors = gaussian(20, dimension)
    rotated = rotate(vectors)
    assert (rotated.shape, rotated.dtype) == (vectors.shape, np.float32)
    wide, turned = vectors.astype(np.float64), rotated.astype(np.float64)
    assert turned @ turned.T == pytest.approx(wide @ wide.T, abs=1e-5 * dimension)


@pytest.mark.slow
def test_it_is_a_rotation_in_every_dimension() -> None:
    for dimension in range(1, 141):
        turned = rotate(np.eye(dimension, dtype=np.float32)).astype(np.float64)
        assert np.abs(turned @ turned.T - np.eye(dimension)).max() < 1e-5


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_vector_alone_is_rotated_as_among_others(dimension: int) -> None:
    vectors = gaussian(3, dimension)
    assert rotate(vectors[1:2]) == pytest.approx(rotate(vectors)[1:2], abs=1e-5)


def test_the_given_vectors_are_not_changed() -> None:
    vectors = gaussian(3, 100)
    before = vectors.copy()
    rotate(vectors)
    assert vectors.tobytes() == before.tobytes()


def test_a_row_is_rotated_alike_alone_and_among_others() -> None:
    vectors = gaussian(50, 384)
    assert rotate(vectors[7:8])[0] == pytest.approx(rotate(vectors)[7], abs=1e-5)


def specified_rotation(vector: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rotate one vector as docs/lhv1.md says, by loops."""
    turned, dimension = vector.copy(), len(vector)
    width = 2 ** (dimension.bit_length() - 1)
    for number, start in ((0, 0), (1, dimension - width)):
        bits = hashlib.shake_256(f"LHV1 sketch {dimension} {number}".encode()).digest((dimension + 7) // 8)
        for i in range(dimension):
            turned[i] *= -1 if bits[i // 8] >> (7 - i % 8) & 1 else 1
        step = 1
        while step < width:
            for block in range(start, start + width, 2 * step):
                for i in range(block, block + step):
                    turned[i], turned[i + step] = turned[i] + turned[i + step], turned[i] - turned[i + step]
            step *= 2
        turned[start : start + width] /= width**0.5
    return turned


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_it_is_the_rotation_that_the_format_specifies(dimension: int) -> None:
    vector = gaussian(1, dimension)
    assert rotate(vector)[0] == pytest.approx(specified_rotation(vector[0].astype(np.float64)), abs=1e-4)


# A few components of the rotated vector (1, 2, ... d) / d, so that neither the specification nor the code can drift.
FIXED = {
    1: {0: -1.0},
    3: {0: -0.2357, 1: -1.20711, 2: 0.20711},
    64: {0: 0.2002, 21: -0.68652, 32: -0.33105, 63: 0.03223},
    100: {0: 0.1, 33: 0.435, 50: -0.36, 99: -0.20625},
    384: {0: -0.27181, 128: -0.61357, 192: -1.38057, 383: 1.30798},
    4_096: {0: -0.3238, 1_365: 0.39202, 2_048: -0.20682, 4_095: 0.33271},
}


@pytest.mark.parametrize("dimension", FIXED)
def test_fixed_vectors_rotate_to_fixed_components(dimension: int) -> None:
    rotated = rotate((np.arange(1, dimension + 1, dtype=np.float32) / np.float32(dimension))[None, :])[0]
    assert {at: float(rotated[at]) for at in FIXED[dimension]} == pytest.approx(FIXED[dimension], abs=2e-5)
