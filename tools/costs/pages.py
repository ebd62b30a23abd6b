"""Write the cost tables into their pages: `python -m tools.costs.pages`. A table is found by its first line."""

from collections.abc import Mapping, Sequence
from typing import Final

from tools.command.paths import ROOT
from tools.costs import search, sharded, writes

TABLES: Final[Mapping[str, Sequence[str]]] = {
    "costs.md": (search.table(), writes.table(), writes.loads()),
    "sharding.md": (sharded.searches(), sharded.batches()),
}


def with_tables(text: str, tables: Sequence[str]) -> str:
    """Return the text of a page with these tables in place of those that start with the same line.

    Raises:
        ValueError: the page has no such table.
    """
    for table in tables:
        heads = table.partition("\n")[0] + "\n"
        before, found, rest = text.partition(heads)
        if not found:
            raise ValueError(f"no table starts with {heads!r}")
        text = f"{before}{table}\n\n{rest.partition('\n\n')[2]}"
    return text


def main() -> None:
    """Replace the tables of all pages."""
    for name, tables in TABLES.items():
        page = ROOT / "docs" / name
        page.write_text(with_tables(page.read_text(encoding="utf-8"), tables), encoding="utf-8")
        print(page)


if __name__ == "__main__":
    main()
