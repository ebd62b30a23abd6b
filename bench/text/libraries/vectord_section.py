"""vectord: the section of texts, and searches of an index that has it in memory."""

from collections.abc import Sequence
from pathlib import Path

from bench.text import indexes
from bench.text.libraries.library import K
from vectord.index.codec import decode
from vectord.index.text.packing import pack_texts


class Section:
    """`build` makes the section `text` of metadata as JSON; `open` makes the rest of the object."""

    def build(self, passages: Sequence[str], folder: Path) -> int:
        section = pack_texts(list(map(indexes.metadata_of, passages)), indexes.FIELDS).data
        return Path(folder, "text").write_bytes(section)

    def open(self, passages: Sequence[str], folder: Path) -> None:
        self._index = decode.open_blob(indexes.built(indexes.passages(passages)))

    def search(self, query: str) -> Sequence[int]:
        return [int(match.id) for match in indexes.found_by_words(self._index, query, K)]


def make() -> Section:
    return Section()
