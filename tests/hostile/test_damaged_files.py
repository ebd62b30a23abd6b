"""Damaged uploads: whatever is wrong with a file, reading it ends in entries or in FileRefused.

The files in `tests/files/written` are as pandas, Polars, pyarrow, numpy and Python write them.
"""

import json
from pathlib import Path

import pytest

from tests.support.damage import many
from vectord.errors import BadItem, BatchInvalid, FileRefused
from vectord.lhv1.params import new_params
from vectord.readers.entry import NewVector
from vectord.readers.files import entries_of_file
from vectord.service.values.validation import validated_items

WRITTEN = {path.name: path.read_bytes() for path in (Path(__file__).parents[1] / "files/written").iterdir()}
COUNTS = {".jsonl": 700, ".jsonl.gz": 300, ".npy": 700, ".npz": 700, ".parquet": 50}  # DuckDB takes 60 ms for a file
LIMIT = 1 << 24
PARAMS = new_params("t", 4)


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_an_intact_file_is_read(name: str) -> None:
    entries = list(entries_of_file(name, WRITTEN[name], LIMIT))
    assert len(validated_items(entries, PARAMS)) == (2 if name.startswith("two") else 12)


@pytest.mark.parametrize("suffix", COUNTS)
@pytest.mark.slow
def test_a_damaged_file_gives_entries_or_is_refused(suffix: str) -> None:
    for name, seed, data in many(_of(suffix), COUNTS[suffix]):
        try:
            entries = list(entries_of_file(name, data, LIMIT))
            assert all(isinstance(entry, NewVector | BadItem) for entry in entries)
            validated_items(entries, PARAMS)
        except FileRefused as refused:
            assert str(refused).encode()
        except BatchInvalid as invalid:
            assert json.dumps([(item.position, item.id, item.reason) for item in invalid.items])
        except Exception as error:
            raise AssertionError(f"{name} with seed {seed}") from error


def _of(suffix: str) -> dict[str, bytes]:
    return {name: data for name, data in WRITTEN.items() if name.endswith(suffix)}
