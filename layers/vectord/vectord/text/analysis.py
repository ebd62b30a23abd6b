"""The analysis `words-1` of stored texts: which terms each text has, how often, and how long it is.

Stop words are removed; every other token is stemmed, and is then an occurrence of a term. The length of a text is the
number of these tokens, with repetitions and pairs: the sum of the counts of its terms.
"""

from array import array
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.deadline import DeadlineCheck, checked, no_deadline
from vectord.text.languages import Analyzer
from vectord.text.tokens import cut, uncut

NAME: Final = "words-1"  # a change of any term of any text needs another name
_BETWEEN_CHECKS: Final = 64  # texts; the largest have 1 MB and take 0.2 s

Array = npt.NDArray[np.int64]


class Postings(msgspec.Struct, frozen=True):
    """The terms of texts, which are numbered from 0 in their order.

    `terms` are distinct, in the order of their bytes in UTF-8. The texts that have term i, ascending, are
    `texts[starts[i] : starts[i + 1]]`; `counts` has how often each of them has it, 1 or more. `lengths` has the length
    of each text.
    """

    terms: tuple[str, ...]
    starts: Array
    texts: Array
    counts: Array
    lengths: Array


def analyse(texts: Sequence[str], analyzer: Analyzer, check: DeadlineCheck = no_deadline) -> Postings:
    """Analyse many texts at once: each distinct token is stemmed once.

    Raises:
        DeadlineExceeded: `check` raised it.
    """
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__  # the number of a new token is that of the tokens before it
    tokens, sizes = array("I"), np.empty(len(texts), np.int64)
    for position, text in enumerate(checked(texts, check, _BETWEEN_CHECKS)):
        found = uncut(text, dotless=analyzer.dotless)
        tokens.extend(map(numbers.__getitem__, found))
        sizes[position] = len(found)
    check()
    terms, term_of = _numbered_terms(list(numbers), analyzer)
    return _postings(terms, term_of[np.frombuffer(tokens, np.uintc)], sizes)


def _numbered_terms(tokens: Sequence[str], analyzer: Analyzer) -> tuple[tuple[str, ...], Array]:
    """Return the terms of distinct tokens, in their order, and the number of the term of each token, -1 for none."""
    whole = list(dict.fromkeys(map(cut, tokens)))
    term_of = dict(zip(whole, analyzer.terms(whole), strict=True))
    terms = sorted({term for term in term_of.values() if term is not None})  # characters have the order of their bytes
    number: dict[str | None, int] = {term: position for position, term in enumerate(terms)}
    of_tokens = (number.get(term_of[cut(token)], -1) for token in tokens)
    return tuple(terms), np.fromiter(of_tokens, np.int64, len(tokens))


def _postings(terms: tuple[str, ...], occurrences: Array, sizes: Array) -> Postings:
    """Return the postings of texts from the terms of all their tokens; `sizes` counts the tokens of each text."""
    size = max(1, len(sizes))
    texts = np.repeat(np.arange(len(sizes)), sizes)
    kept = occurrences >= 0
    texts = texts[kept]
    keys = occurrences[kept] * size + texts
    keys.sort()
    firsts = np.flatnonzero(np.diff(keys, prepend=-1))
    counts = np.diff(firsts, append=len(keys))
    keys = keys[firsts]
    starts = np.searchsorted(keys, np.arange(len(terms) + 1) * size)
    return Postings(terms, starts, keys % size, counts, np.bincount(texts, minlength=len(sizes)))
