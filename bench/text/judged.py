"""Public collections of documents with queries, and with the documents that people judged to be relevant to each.

They are fetched once, from commits of public repositories, into a folder outside the work tree, and are never committed
here. The checksums say that they are the files that the figures were measured with.
"""

import hashlib
import re
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SECONDS: Final = 30.0
_FIELD: Final = re.compile(r"^\.([A-Z])(?:\s+(\S+))?\s*$")
_NONE: Final = frozenset[str]()
_HOST: Final = "https://raw.githubusercontent.com"


class NotFetched(Exception):
    """A file of a collection could not be fetched, or is another one."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a collection, and its SHA-256."""

    path: str
    sha256: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a collection is, which fields of its documents are searched, and how its judgments name queries.

    `numbered` is True if they have the numbers in the file of queries, False if they count queries from 1.
    """

    name: str
    documents: File
    queries: File
    judgments: File
    numbered: bool = True


@dataclass(frozen=True, slots=True)
class Collection:
    """The texts of documents by their ids, the texts of queries, and the ids of what is relevant to each of them.

    Queries without a text, or without a relevant document, are left out.
    """

    name: str
    documents: Mapping[str, str]
    queries: list[str]
    relevant: list[frozenset[str]]


_CRANFIELD: Final = "Chetan-Prasad/IR-Lucene_Cran/ff1bd825c1781e908fdcb8a20609ef779abb3d2a"
_CACM: Final = "kavinsan/Information-Retrieval-Project/feda4806b8d19af85753c580640d40e572f99339"
_CISI: Final = "PsychoProg/tf-idf/beee251dd1356ee4ffb453ac60cf8f9112840f5d"
SOURCES: Final = (
    Source(
        "Cranfield",
        File(f"{_CRANFIELD}/cran.all.1400", "73d33d7e445b884bc32332034e7bc7d07ad5089d9030ead9f1de3493da21da1d"),
        File(f"{_CRANFIELD}/cran.qry", "99578ceb88941ef89c14faf7c63c23776a376d8fba319b990f01d0c601d8b03f"),
        File(f"{_CRANFIELD}/cranqrel", "92e54b58dac0b980152178f350d892fae66c8a239b8a11715b835fb8d2f6bc0e"),
        numbered=False,
    ),
    Source(
        "CACM",
        File(f"{_CACM}/cacm.all", "0d0eaa9e54987161482a217dcef670a8032d687b1bbe84ba0a8e310b675bd52f"),
        File(f"{_CACM}/query.text", "2fe81273fd7db3beccad1090c84630dea561469b7c19ad03e71370c8c7399cc9"),
        File(f"{_CACM}/qrels.text", "da4202b0c70cad7d91c9a028eaf8cbd0a4ca981ebdc3955eb75ba7b6de6f185c"),
    ),
    Source(
        "CISI",
        File(f"{_CISI}/CISI.ALL", "c751e11dcdce83a572a4fcfd67eea453bdb9ecfd7bc93c21e50fc792ba8fb9a0"),
        File(f"{_CISI}/CISI.QRY", "b72de0e0cb8aa5c93ac988e5be0400cc18949d0a94913a248783a37dd97d5470"),
        File(f"{_CISI}/CISI.REL", "f7396c92586c61953ccb7ae99ad8d3ac749ac3b989041fc93a9e311568f58997"),
    ),
)


def collection(source: Source, folder: Path) -> Collection:
    """Return a collection, whose files are in `folder` or are fetched to there.

    Raises:
        NotFetched: they cannot be fetched, or are other files.
    """
    documents, queries, judgments = (
        _text(_fetched(file, folder)) for file in (source.documents, source.queries, source.judgments)
    )
    of_documents = {number: _text_of(fields, "TW") for number, fields in records(documents)}
    found = relevant(judgments, set(of_documents))
    of_queries = [(number, _text_of(fields, "W")) for number, fields in records(queries)]
    pairs = [
        (text, found.get(number.lstrip("0") if source.numbered else str(place), _NONE))
        for place, (number, text) in enumerate(of_queries, 1)
    ]
    kept = [pair for pair in pairs if all(pair)]
    return Collection(source.name, of_documents, [text for text, _ in kept], [ids for _, ids in kept])


def records(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the number and the fields of each record: lines after `.X` are those of the field X."""
    number, fields, at = "", dict[str, list[str]](), ""
    for line in text.splitlines():
        marked = _FIELD.match(line)
        if marked is None:
            fields.setdefault(at, []).append(line)
            continue
        at = marked[1]
        if at == "I":
            if number:
                yield number, {name: " ".join(lines) for name, lines in fields.items()}
            number, fields = marked[2] or "", {}
    if number:
        yield number, {name: " ".join(lines) for name, lines in fields.items()}


def relevant(text: str, documents: set[str]) -> Mapping[str, frozenset[str]]:
    """Return the judged documents of each query.

    The first number of a line is the query, the second the document. A third one of -1 says that it is not relevant.
    """
    found = defaultdict[str, set[str]](set)
    for line in text.splitlines():
        query, document, *grades = line.split() or ("", "")
        if document.lstrip("0") in documents and grades[:1] != ["-1"]:
            found[query.lstrip("0")].add(document.lstrip("0"))
    return {query: frozenset(ids) for query, ids in found.items()}


def _text_of(fields: Mapping[str, str], names: str) -> str:
    return " ".join(" ".join(fields.get(name, "") for name in names).split())


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _fetched(file: File, folder: Path) -> bytes:
    kept = folder / f"{file.sha256[:12]}-{file.name}"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(_checked(file, _download(f"{_HOST}/{file.path}")))
    return _checked(file, kept.read_bytes())


def _checked(file: File, data: bytes) -> bytes:
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise NotFetched(f"{file.name} has another checksum than expected")
    return data


def _download(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
            data: bytes = answer.read()
    except (urllib.error.URLError, OSError) as error:
        raise NotFetched(f"{url} cannot be fetched ({error})") from error
    return data
