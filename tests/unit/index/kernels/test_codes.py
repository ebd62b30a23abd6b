"""Codes: one bit a dimension, and the distances that they estimate."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.datasets import gaussian, textlike
from tests.support.vectors import F32
from vectord.index.kernels import codes
from vectord.index.kernels.hadamard import rotate
from vectord.lhv1.params import Distance

both = pytest.mark.parametrize("distance", ["cosine", "euclidean"])
DIMENSIONS = [1, 5, 63, 64, 65, 130, 384]


def unit(vectors: F32) -> F32:
    return vectors / np.linalg.norm(vectors, axis=1)[:, None]


def residuals(vectors: F32, distance: Distance) -> F32:
    """Return the rotated differences from the mean, as the format defines them."""
    scaled = unit(vectors) if distance == "cosine" else vectors
    return rotate((scaled - scaled.astype(np.float64).mean(axis=0)).astype(np.float32))


def encoded(vectors: F32, distance: Distance) -> codes.Codes:
    return codes.encode(vectors, codes.mean_of(vectors, distance), distance)


def bits(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Return the bits of words (n, words), one by one."""
    shifts = np.arange(64, dtype=np.uint64)
    return (words[:, :, None] >> shifts & np.uint64(1)).astype(bool).reshape(len(words), -1)


@both
@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_bit_is_the_sign_of_a_component_of_the_residual(distance: Distance, dimension: int) -> None:
    vectors = gaussian(40, dimension) + 1
    found, expected = bits(encoded(vectors, distance).words), residuals(vectors, distance)
    clear = np.abs(expected) > 1e-6  # a component within rounding of the mean may have either sign
    assert (found[:, :dimension] == (expected > 0))[clear].all()
    assert not found[:, dimension:].any()


@both
def test_norm_and_factor_are_those_of_the_residual(distance: Distance) -> None:
    vectors = gaussian(50, 100) + 1
    found, expected = encoded(vectors, distance), residuals(vectors, distance)
    norms = np.linalg.norm(expected, axis=1)
    assert found.norms == pytest.approx(norms, rel=1e-5)
    assert found.factors == pytest.approx(np.abs(expected).sum(axis=1) / norms / 10, rel=1e-5)


def test_equal_vectors_have_a_residual_of_zero_and_the_factor_1() -> None:
    found = encoded(np.ones((5, 64), np.float32), "euclidean")
    assert (found.norms.tolist(), found.factors.tolist()) == ([0.0] * 5, [1.0] * 5)


@given(st.integers(1, 5_000), st.sampled_from(DIMENSIONS))
def test_codes_do_not_depend_on_the_block_in_which_a_row_is(rows: int, dimension: int) -> None:
    vectors = np.tile(gaussian(1, dimension), (rows, 1))
    found = codes.encode(vectors, np.zeros(dimension, np.float32), "euclidean")
    assert (found.words == found.words[0]).all()


@pytest.mark.parametrize("dimension", [1, 64, 192, 193, 256, 384, 4_096])
def test_hamming_distances_count_the_bits_that_differ(dimension: int) -> None:
    vectors = gaussian(30, dimension)
    mean = codes.mean_of(vectors, "euclidean")
    words = codes.encode(vectors, mean, "euclidean").words
    for query in (gaussian(1, dimension, 5)[0], -vectors[0] + 2 * mean):
        rotated = codes.rotated_query(query, mean, "euclidean")
        expected = (bits(words) != bits(rotated.words[None, :])).sum(axis=1)
        assert codes.hamming_distances(np.ascontiguousarray(words.T), rotated).tolist() == expected.tolist()


@both
@pytest.mark.parametrize("dimension", [64, 130, 384])
def test_an_estimate_is_unbiased_and_near_the_distance(distance: Distance, dimension: int) -> None:
    vectors = textlike(dimension)(np.random.default_rng(2), 2_000)
    mean, found = codes.mean_of(vectors, distance), encoded(vectors, distance)
    planes, errors = np.ascontiguousarray(found.words.T), []
    for query in vectors[:20] + np.float32(0.3) * vectors[20:40]:
        rotated = codes.rotated_query(query, mean, distance)
        estimates = codes.estimated_distances(planes, found.norms, found.factors, rotated)
        rows, target = (unit(vectors), unit(query[None, :])) if distance == "cosine" else (vectors, query[None, :])
        expected = ((rows - target) ** 2).sum(axis=1, dtype=np.float64) - (rotated.residual**2).sum(dtype=np.float64)
        # The error of <row, query> is about |row| |query| / sqrt(dimension), and its mean is 0.
        errors.append((estimates - expected) / found.norms / np.linalg.norm(rotated.residual) * np.sqrt(dimension) / 2)
    assert abs(np.mean(errors)) < 0.03
    assert 0.3 < np.std(errors) < 1.2


def test_estimates_rank_rows_better_than_differing_bits() -> None:
    vectors = textlike(384)(np.random.default_rng(2), 6_000)
    mean, found = codes.mean_of(vectors, "cosine"), encoded(vectors, "cosine")
    planes, hits = np.ascontiguousarray(found.words.T), np.zeros(2)
    for query in textlike(384)(np.random.default_rng(3), 40):
        rotated = codes.rotated_query(query, mean, "cosine")
        true = set(np.argsort(-(unit(vectors) @ query))[:10].tolist())
        by_bits = codes.hamming_distances(planes.copy(), rotated)
        by_estimate = codes.estimated_distances(planes, found.norms, found.factors, rotated)
        hits += [len(true & set(np.argsort(each, kind="stable")[:16].tolist())) for each in (by_bits, by_estimate)]
    assert hits[1] > hits[0] + 0.05 * 400


def test_an_estimate_is_computed_from_signs_norm_and_factor() -> None:
    vectors = np.concatenate([gaussian(30, 64), np.eye(64, dtype=np.float32)[:30] * 9 + 0.1 * gaussian(30, 64, 2)])
    mean, found = np.zeros(64, np.float32), codes.encode(vectors, np.zeros(64, np.float32), "euclidean")
    factors = found.factors * np.linspace(0.5, 1, 60, dtype=np.float32)
    rotated = codes.rotated_query(gaussian(1, 64, 5)[0], mean, "euclidean")
    estimates = codes.estimated_distances(np.ascontiguousarray(found.words.T), found.norms, factors, rotated)
    signs = np.where(bits(found.words)[:, :64], 1, -1)
    slopes = 2 * found.norms / (factors * 8)
    # Rounding a component of the query to one of 32 levels changes it by up to a 62nd of their range.
    rounding = slopes * np.ptp(rotated.residual) / 62 * 64
    expected = found.norms**2 - slopes * (signs @ rotated.residual)
    assert (np.abs(estimates - expected) < rounding / 4).all()


def test_a_query_without_a_residual_is_estimated_by_the_norms() -> None:
    vectors = gaussian(20, 64)
    mean, found = codes.mean_of(vectors, "euclidean"), encoded(vectors, "euclidean")
    rotated = codes.rotated_query(mean, mean, "euclidean")
    estimates = codes.estimated_distances(np.ascontiguousarray(found.words.T), found.norms, found.factors, rotated)
    assert estimates == pytest.approx(found.norms.astype(float) ** 2)
