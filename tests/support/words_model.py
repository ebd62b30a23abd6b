"""A model of conditions on words: which documents satisfy a filter, with the terms of a small vocabulary.

It reads documents word by word, and shares no code with the analysis and the postings that it is compared with.
"""

from typing import Any

from vectord.filters.tree import And, Filter, In, Not, Or, Words

# The terms of the vocabulary in the field `body`; a stop word has none, and in other fields each word is its own term.
ENGLISH = {"quick": "quick", "brown": "brown", "fox": "fox", "foxes": "fox", "Running": "run", "runs": "run"}
STOP = ["the", "of"]
UNSPACED = ["東", "東京", "東京都", "京都", "京"]
VOCABULARY = [*ENGLISH, *STOP, *UNSPACED]


def tokens(text: str, field: str) -> list[str | None]:
    """Return the term of each token of a text; each word of an unspaced script has one for each of its characters."""
    found: list[str | None] = []
    for word in text.split():
        if word in UNSPACED:
            found += [word[at : at + 2] for at in range(len(word))]
        elif field == "body":
            found.append(None if word in STOP else ENGLISH[word])
        else:
            found.append(word.lower())
    return found


def wanted(text: str, field: str) -> list[tuple[int, str, bool]]:
    """Return place and term of each word that a query asks for, and whether it stands for longer terms as well."""
    found, place = [], 0
    for word in text.split():
        terms = tokens(word, field)
        for at, term in enumerate(terms):
            is_last = word in UNSPACED and at == len(word) - 1 > 0
            if term is not None and not is_last:
                found.append((place + at, term, len(word) == 1))
        place += len(terms)
    return found


def is_meant(term: str | None, query: tuple[int, str, bool]) -> bool:
    """Return True if a term of a document is one that a word of a query asks for."""
    return term is not None and (term.startswith(query[1]) if query[2] else term == query[1])


def texts_at(document: Any, field: str) -> list[str]:
    """Return the texts of a document in a field, which it has as a text or as an array, or by a key with a dot."""
    found: list[str] = []
    if isinstance(document, list):
        return [text for each in document for text in texts_at(each, field)]
    if not isinstance(document, dict):
        return []
    outer, _, inner = field.partition(".")
    values = [document.get(field)]
    if inner:
        found += texts_at(document.get(outer), inner)
    while values:
        value = values.pop()
        values += value if isinstance(value, list) else []
        found += [value] if isinstance(value, str) else []
    return found


def satisfies(tree: Filter, document: Any) -> bool:
    """Return True if a document satisfies a filter of conditions on words and of `n`."""
    match tree:
        case And(filters):
            return all(satisfies(each, document) for each in filters)
        case Or(filters):
            return any(satisfies(each, document) for each in filters)
        case Not(inner):
            return not satisfies(inner, document)
        case In(_, values):
            return isinstance(document, dict) and document.get("n") in values
        case Words(path, operator, text):
            query, found = wanted(text, path), [tokens(each, path) for each in texts_at(document, path)]
            if operator != "$phrase":
                everywhere = [term for each in found for term in each]
                has = [any(is_meant(term, each) for term in everywhere) for each in query]
                return any(has) if operator == "$match_any" else all(has)
            return any(
                all(
                    start + at - query[0][0] in range(len(each))
                    and is_meant(each[start + at - query[0][0]], (at, *rest))
                    for at, *rest in query
                )
                for each in found
                for start in range(len(each))
            )
        case _:
            raise AssertionError(tree)
