"""Which arrays of an archive are ids, vectors and metadata."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from vectord_client import Client
from vectord_client.load.errors import SourceUnreadable

NAMES = np.array(["alien", "heat"])
VECTORS = np.eye(2, dtype=np.float16)
YEARS = np.array([1979, 1995])
JSON = np.array(['{"year": 1979}', '{"year": 1995}'])
OTHER = np.zeros(5)  # of another length, so it cannot be a column

ARCHIVES = {
    "without metadata": ({"ids": NAMES, "vectors": VECTORS}, {}, None),
    "with JSON texts": ({"id": NAMES, "vector": VECTORS, "metadata": JSON}, {}, {"year": 1979}),
    "with columns": (
        {"ids": NAMES, "vectors": VECTORS, "year": YEARS, "title": NAMES, "other": OTHER},
        {"metadata": ["year", "title"]},
        {"year": 1979, "title": "alien"},
    ),
    "with other names": (
        {"name": NAMES, "embedding": VECTORS, "more": JSON, "other": OTHER},
        {"id": "name", "vector": "embedding", "metadata": "more"},
        {"year": 1979},
    ),
    "with arrays to leave out": ({"ids": NAMES, "vectors": VECTORS, "other": OTHER}, {"metadata": []}, None),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_an_archive_is_loaded(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    arrays, names, metadata = ARCHIVES[kind]
    np.savez(tmp_path / "films.npz", **arrays)
    with closing(Client(str(tmp_path / "data"))) as client:
        films = client.create_index("films", dimension=2)
        report = films.load(tmp_path / "films.npz", **names)
        assert (report.added, list(report.failed)) == (2, [])
        assert films["alien"].metadata == metadata
        assert list(films["heat"].vector or ()) == [0, 1]


@pytest.mark.parametrize(
    ("arrays", "names", "reason"),
    [
        ({"vectors": VECTORS}, {}, "has no array 'ids'; it has 'vectors'"),
        ({"ids": NAMES, "vectors": VECTORS}, {"metadata": ["year"]}, "has no array 'year'"),
        ({"ids": NAMES, "vectors": VECTORS, "year": YEARS}, {}, "has more arrays: 'year'. Name those"),
        ({"ids": NAMES, "vectors": VECTORS, "year": OTHER}, {"metadata": ["year"]}, "have different lengths"),
        ({"ids": NAMES.astype(object), "vectors": VECTORS}, {}, "has Python objects"),
    ],
)
def test_an_archive_that_is_not_clear_is_refused(
    arrays: dict[str, np.ndarray], names: dict[str, list[str]], reason: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "films.npz", **arrays)
    with closing(Client(str(tmp_path / "data"))) as client:
        films = client.create_index("films", dimension=2)
        with pytest.raises(SourceUnreadable, match=reason):
            films.load(tmp_path / "films.npz", **names)
        assert len(films) == 0
