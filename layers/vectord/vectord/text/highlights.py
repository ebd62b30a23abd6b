"""Where the words of a search stand in a text.

A word is found by its term, so a stem is found in each form of the word, and the place is that of the whole word. In
scripts without spaces a place has the characters of one or several pairs.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from vectord.text.characters import Width, ascii_runs, characters, is_unspaced, mark, runs, width
from vectord.text.languages import Analyzer
from vectord.text.offsets import Span, spans_in_text
from vectord.text.tokens import cut, fold, is_plain, uncut


class WantedTerms(msgspec.Struct, frozen=True):
    """The terms to find. Of a term in `heads`, a pair of characters, only the first character was searched for."""

    terms: frozenset[str]
    heads: frozenset[str] = frozenset()


def highlights(text: str, analyzer: Analyzer, wanted: WantedTerms, most: int) -> list[Span]:
    """Return the first `most` places of wanted terms in a text, in their order. Places that touch or overlap are one.

    A place counts code points of the text as it is, and ends before its second number. A text of 1 MB takes 0.1
    to 1 s, because only the places of wanted terms are looked for.
    """
    is_head = _wanted_tokens(text, analyzer, wanted)
    if not is_head or most <= 0:
        return []
    plain = is_plain(text, dotless=analyzer.dotless)
    folded = text.lower() if plain else fold(text, dotless=analyzer.dotless)
    found = _first_joined(_places(folded, is_head, plain=plain), most)
    return found if plain else _joined(spans_in_text(text, folded, found, dotless=analyzer.dotless))


def _wanted_tokens(text: str, analyzer: Analyzer, wanted: WantedTerms) -> Mapping[str, bool]:
    """Return the tokens of a text whose terms are wanted, and whether only their first characters are."""
    tokens = list(dict.fromkeys(uncut(text, dotless=analyzer.dotless)))
    term_of = dict(zip(tokens, analyzer.terms([cut(token) for token in tokens]), strict=True))
    whole = {token: False for token, term in term_of.items() if term in wanted.terms}
    return whole | {token: True for token, term in term_of.items() if term in wanted.heads - wanted.terms}


def _places(folded: str, is_head: Mapping[str, bool], *, plain: bool) -> Iterator[Span]:
    """Yield the places of tokens in a folded text."""
    needed = Width.NARROW if plain else width(folded)
    for run in (ascii_runs() if plain else runs(needed)).finditer(folded):
        word = run[0]
        if needed == Width.NARROW or not is_unspaced(word[0]):
            if word in is_head:
                yield run.span()
            continue
        first = run.start()
        for start, second, end in _pairs(word, needed):
            head = is_head.get(word[start:end])
            if head is not None:
                yield first + start, first + (second if head else end)


def _pairs(run: str, needed: Width) -> Iterator[tuple[int, int, int]]:
    """Yield of each token of an unspaced run its start, the end of its first character, and its own."""
    if mark(needed).search(run) is None:
        bounds: Sequence[int] = range(len(run) + 1)
    else:
        bounds = [0, *(found.end() for found in characters(needed).finditer(run))]
    return zip(bounds, bounds[1:], [*bounds[2:], bounds[-1]], strict=False)


def _first_joined(places: Iterator[Span], most: int) -> list[Span]:
    """Return the first `most` of ascending places, of which those that touch or overlap are one."""
    found = list[Span]()
    for start, end in places:
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        elif len(found) == most:
            break
        else:
            found.append((start, end))
    return found


def _joined(places: Sequence[Span]) -> list[Span]:
    return _first_joined(iter(places), len(places))
