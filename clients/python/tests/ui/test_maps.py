"""The map: which vectors it has, where they are, and which it highlights."""

from pathlib import Path

import numpy as np
import pytest
from tests.ui.conftest import BIG, HOSTILE, ROWS, Browser, browsing

from vectord_client import Client
from vectord_client.ui.maps import first_value
from vectord_client.ui.projection import project

_PIXEL = 1e-3  # of a map that is 1,000 pixels wide; its coordinates are from -1 to 1


@pytest.mark.parametrize(("sample", "points"), [(1, 1), (150, 150), (777, 777), (5_000, ROWS)])
def test_a_map_has_as_many_different_vectors_as_are_asked_for(browser: Browser, sample: int, points: int) -> None:
    status, found = browser.call("POST", "/map", {"index": "films", "sample": sample})
    assert status == 200
    assert len(set(found["ids"])) == len(found["x"]) == len(found["y"]) == points
    assert (found["count"], found["values"], found["matches"]) == (ROWS, [], None)
    assert max(map(abs, found["x"] + found["y"])) <= 1


def test_groups_are_apart_and_coloured_by_their_values(browser: Browser) -> None:
    _, found = browser.call("POST", "/map", {"index": "films", "sample": 500, "path": "group"})
    sides = {(value, x > 0) for value, x in zip(found["values"], found["x"], strict=True)}
    assert len(sides) == len({value for value, _ in sides}) == 2
    assert found["explained"] > 0.95


@pytest.mark.parametrize("sample", [400, ROWS])
def test_the_matches_of_a_filter_are_highlighted_all_of_them(browser: Browser, sample: int) -> None:
    members = {"index": "films", "sample": sample, "path": "by.name", "filter": {"by.name": "<b>3"}}
    _, found = browser.call("POST", "/map", members)
    assert found["matches"] == [value == "<b>3" for value in found["values"]]
    assert 0 < sum(found["matches"]) < len(found["ids"])


def test_values_are_exact_and_ids_are_as_stored(browser: Browser) -> None:
    _, found = browser.call("POST", "/map", {"index": "films", "sample": ROWS, "path": "number"})
    assert set(found["values"]) == {BIG}
    assert HOSTILE in found["ids"]


def test_a_sharded_index_has_a_map(browser: Browser) -> None:
    for sample in (4, 100):
        _, found = browser.call("POST", "/map", {"index": "parts", "sample": sample, "filter": {"row": {"$lt": 5}}})
        assert len(found["ids"]) == min(sample, 9)
        assert found["matches"] == [int(one) < 5 for one in found["ids"]]


def test_an_empty_index_has_an_empty_map(browser: Browser) -> None:
    status, found = browser.call("POST", "/map", {"index": "empty", "path": "a", "filter": {}})
    assert (status, found["ids"], found["x"], found["values"], found["matches"]) == (200, [], [], [], [])


@pytest.mark.parametrize("sample", [0, -1, 5_001])
def test_a_map_has_a_limited_size(browser: Browser, sample: int) -> None:
    status, problem = browser.call("POST", "/map", {"index": "films", "sample": sample})
    assert status == 400
    assert "5,000" in problem["detail"]


def test_a_filter_that_is_not_valid_is_the_services_error(browser: Browser) -> None:
    status, problem = browser.call("POST", "/map", {"index": "films", "filter": {"a": {"$foo": 1}}})
    assert (status, problem["type"]) == (422, "urn:vectord:problem:filter-invalid")


def test_a_map_shows_the_index_as_it_is_now(tmp_path: Path) -> None:
    with Client(tmp_path / "data") as client, browsing(client) as browser:
        index = client.create_index("films", dimension=2)
        for number in range(3):
            assert len(browser.call("POST", "/map", {"index": "films"})[1]["ids"]) == number
            index.add([(str(number), [1, number])])


def test_another_colour_of_the_same_map_does_not_read_the_vectors_again(tmp_path: Path) -> None:
    with Client(tmp_path / "data") as client:
        client.create_index("films", dimension=2).add([("a", [1, 0], {"year": 1979})])
        sent: list[str] = []
        send = client.transport.send
        client.transport.send = lambda request, timeout: sent.append(request.path) or send(request, timeout)  # type: ignore
        with browsing(client) as browser:
            for path in ("year", "genre"):
                browser.call("POST", "/map", {"index": "films", "path": path})
    assert sent.count("/indexes/films/vectors") == 1


@pytest.mark.parametrize(("rows", "dimension"), [(40, 7), (7, 40), (50, 2), (300, 60), (60, 300)])
def test_axes_are_the_principal_components(rows: int, dimension: int) -> None:
    vectors = np.random.default_rng(3).normal(size=(rows, dimension)).astype(np.float32) * np.arange(1, dimension + 1)
    vectors = vectors.astype(np.float32)
    plane = project(list(vectors), directions=False)
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    sides, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    expected = sides[:, :2] * lengths[:2]
    expected /= np.abs(expected).max()
    for axis, found in zip(expected.T, (plane.x, plane.y), strict=True):
        assert np.allclose(axis, found, atol=_PIXEL) or np.allclose(-axis, found, atol=_PIXEL)
    assert plane.explained == pytest.approx((lengths[:2] ** 2).sum() / (lengths**2).sum(), abs=1e-3)


@pytest.mark.parametrize(
    "vectors",
    [[], [[1.0, 2.0]], [[1.0, 2.0]] * 3, [[0.0], [2.0]], [[3e38, 0.0], [-3e38, 1.0], [0.0, 1e-38]], [[0.0, 0.0]] * 2],
)
@pytest.mark.parametrize("directions", [True, False])
def test_degenerate_vectors_have_finite_coordinates(vectors: list[list[float]], directions: bool) -> None:
    plane = project([np.array(vector, np.float32) for vector in vectors], directions=directions)
    assert len(plane.x) == len(plane.y) == len(vectors)
    assert np.isfinite([*plane.x, *plane.y, plane.explained]).all()


@pytest.mark.parametrize(
    ("metadata", "path", "value"),
    [
        ({"a": 1}, "a", 1),
        ({"a": {"b": "x"}}, "a.b", "x"),
        ({"a.b": False}, "a.b", False),
        ({"a": {"c": 1}, "a.b": 2}, "a.b", 2),
        ({"a": [None, {"b": []}, {"b": [3, 4]}]}, "a.b", 3),
        ({"$a": 1}, "$a", 1),
        ({"$a": 1}, "\\$a", 1),
        ({"a": {"b": 1}}, "a", None),
        ({"a": None}, "a", None),
        (None, "a", None),
        ("text", "a", None),
    ],
)
def test_a_path_is_read_as_in_a_filter(metadata: object, path: str, value: object) -> None:
    assert first_value(metadata, path) == value
