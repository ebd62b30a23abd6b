"""Passages of English text that every machine has: the documentation of AWS APIs in botocore, cut at spaces.

botocore is a dependency of the layer, and uv.lock pins it, so the passages are the same on every machine. A run that
needs more of them than botocore has gets made ones: each joins parts of two passages.
"""

import gzip
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from vectord.text.languages import stop_words

_SEED: Final = 20_261_130
_SHORTEST, _LONGEST = 100, 500  # characters; a passage ends with the word that reaches its length
_LAST_LATIN: Final = "\u024f"  # what is written in other scripts is left out, so that other code needs no such rules
_TAGS: Final = re.compile(r"<[^>]*>")
_WORD: Final = re.compile(r"\b[a-z]{3,}\b")
_QUERY_WORDS: Final = (2, 3, 4)


@dataclass(frozen=True, slots=True)
class Corpus:
    """Passages, what they are, and their checksum: the first 12 digits of a SHA-256."""

    about: str
    passages: Sequence[str]
    checksum: str

    @property
    def bytes(self) -> int:
        return sum(len(passage.encode()) for passage in self.passages)


def corpus(count: int) -> Corpus:
    """Return `count` passages, the same in every run with the same version of botocore."""
    rng = np.random.default_rng(_SEED)
    passages = _documented(count, rng)
    about = f"documentation in botocore {version('botocore')}"
    if len(passages) < count:
        about += f", and {count - len(passages):,} made passages of parts of two of them"
        passages += _made(passages, count - len(passages), rng)
    checksum = hashlib.sha256("\n".join(passages).encode()).hexdigest()[:12]
    return Corpus(about, passages, checksum)


def queries(passages: Sequence[str], count: int) -> list[str]:
    """Return queries of 2 to 4 different words, each of words that one passage has; frequent words are frequent."""
    rng = np.random.default_rng(_SEED + 1)
    found: dict[str, None] = {}
    while len(found) < count:
        passage = passages[int(rng.integers(len(passages)))]
        words = sorted(set(_WORD.findall(passage.lower())) - stop_words("english"))
        size = int(rng.choice(_QUERY_WORDS))
        if len(words) >= size:
            found[" ".join(rng.choice(words, size, replace=False).tolist())] = None
    return list(found)


def _documented(count: int, rng: np.random.Generator) -> list[str]:
    """Return up to `count` different passages; services are in a random order, so that few passages are of many."""
    spec = find_spec("botocore")
    assert spec is not None
    assert spec.origin is not None
    files = sorted(Path(spec.origin).with_name("data").glob("*/*/service-2.json*"))
    passages: list[str] = []
    seen: set[str] = set()
    for number in rng.permutation(len(files)).tolist():
        passages += _cut(_texts(files[number], seen), rng)
        if len(passages) >= count:
            break
    order = rng.permutation(len(passages))[:count]
    return [passages[row] for row in order.tolist()]


def _texts(file: Path, seen: set[str]) -> Iterator[str]:
    """Yield the texts of a service without markup, each of which was not `seen` before."""
    packed = file.read_bytes()
    model = json.loads(gzip.decompress(packed) if file.suffix == ".gz" else packed)
    for text in _documentation(model):
        plain = " ".join(_TAGS.sub(" ", text).split())
        if plain and plain not in seen and not any(each > _LAST_LATIN and each.isalnum() for each in plain):
            seen.add(plain)
            yield plain


def _documentation(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "documentation" and isinstance(inner, str):
                yield inner
            else:
                yield from _documentation(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _documentation(inner)


def _cut(texts: Iterator[str], rng: np.random.Generator) -> Iterator[str]:
    """Yield passages of the words of texts; the rest of the last one is left out."""
    words: list[str] = []
    size, wanted = 0, int(rng.integers(_SHORTEST, _LONGEST))
    for text in texts:
        for word in text.split(" "):
            words.append(word)
            size += len(word) + 1
            if size >= wanted:
                yield " ".join(words)
                words, size, wanted = [], 0, int(rng.integers(_SHORTEST, _LONGEST))


def _made(passages: Sequence[str], count: int, rng: np.random.Generator) -> list[str]:
    """Return passages of the first half of one, and the second half of another."""
    pairs = rng.integers(len(passages), size=(count, 2)).tolist()
    return [f"{_half(passages[one], first=True)} {_half(passages[other], first=False)}" for one, other in pairs]


def _half(passage: str, *, first: bool) -> str:
    middle = passage.find(" ", len(passage) // 2)
    return passage[:middle] if first else passage[middle + 1 :]
