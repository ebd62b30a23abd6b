"""Tables that fit the terminal."""

from vectord_client.cli.tables import Column, lay_out
from vectord_client.cli.text import width

ID = Column("id", least=6, rank=1)
DISTANCE = Column("distance", right=True)
METADATA = Column("metadata", least=8, rank=2)
COLUMNS = (ID, DISTANCE, METADATA)
ROWS = (["alien", "0.4766", '{"year": 1979, "genre": ["horror", "scifi"]}'], ["七人の侍", "12.1", "{}"])


def lines(cells: int) -> list[str]:
    layout = lay_out(COLUMNS, ROWS, cells)
    heading = [] if layout.heading is None else [layout.heading]
    return [*heading, *(line for row in ROWS for line in layout.row(row))]


def test_a_wide_terminal_shows_all() -> None:
    assert lines(100) == [
        "id        distance  metadata",
        'alien       0.4766  {"year": 1979, "genre": ["horror", "scifi"]}',
        "七人の侍      12.1  {}",
    ]


def test_metadata_is_cut_before_ids() -> None:
    cut = lines(34)
    assert cut[1] == 'alien       0.4766  {"year": 1979…'
    assert cut[2].startswith("七人の侍")


def test_every_line_fits_every_width() -> None:
    for cells in range(10, 120):
        assert all(width(line) <= max(cells, len("distance  0.4766")) for line in lines(cells)), cells


def test_a_terminal_that_is_too_narrow_for_columns_shows_blocks() -> None:
    assert lines(20) == [
        "id        alien",
        "distance  0.4766",
        'metadata  {"year": …',
        "",
        "id        七人の侍",
        "distance  12.1",
        "metadata  {}",
        "",
    ]


def test_a_column_that_must_stay_whole_is_never_cut() -> None:
    layout = lay_out((Column("file"),), [["x" * 50]], 20)
    assert list(layout.row(["x" * 50])) == [f"file  {'x' * 50}", ""]
