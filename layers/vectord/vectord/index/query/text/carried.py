"""Statistics as a cursor carries them: by the paths of fields, whose numbers a build may change."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from vectord.errors import CursorInvalid
from vectord.index.query.query import FieldStatistics, TextStatistics
from vectord.index.query.text.fields import SearchedField
from vectord.index.query.text_errors import TextFieldNotBuilt
from vectord.index.text.model import FieldTerm
from vectord.index.text.reading import MAX_EXPANSIONS, Expansions
from vectord.index.text.statistics import Statistics

_MOST: Final = 1 << 53  # rows or tokens: more cannot be, and float64 has all integers up to it


def carried(known: Statistics, fields: Sequence[SearchedField]) -> TextStatistics:
    """Return statistics with the paths of the fields in place of their numbers."""
    return TextStatistics(
        known.rows,
        {
            field.path: FieldStatistics(
                known.tokens.get(field.number, 0),
                {term.decode(): rows for (number, term), rows in known.frequencies.items() if number == field.number},
            )
            for field in fields
        },
    )


def joined(several: Sequence[TextStatistics]) -> TextStatistics:
    """Return the statistics of all shards from those of each, for the fields that can be searched in all.

    Raises:
        TextFieldNotBuilt: no field can be searched in all shards.
    """
    paths = sorted(set.intersection(*(set(each.fields) for each in several)))
    if not paths:
        raise TextFieldNotBuilt(sorted({path for each in several for path in each.fields}))
    rows = sum(each.rows for each in several)
    return TextStatistics(rows, {path: _joined_field([each.fields[path] for each in several]) for path in paths})


def _joined_field(several: Sequence[FieldStatistics]) -> FieldStatistics:
    frequencies = Counter[str]()
    for each in several:
        frequencies.update(each.frequencies)
    return FieldStatistics(sum(each.tokens for each in several), dict(frequencies))


def restored(first: TextStatistics, fields: Sequence[SearchedField]) -> Statistics:
    """Return statistics with the numbers of the fields, whose paths are those in `first`.

    Raises:
        CursorInvalid: they are not those of any index.
    """
    of_fields = [(field.number, first.fields[field.path]) for field in fields]
    for _, each in of_fields:
        counts = [*each.frequencies.values(), 0]
        if not 0 <= min(counts) <= max(counts) <= first.rows <= _MOST or not 0 <= each.tokens <= _MOST:
            raise CursorInvalid
        if each.tokens and not first.rows:
            raise CursorInvalid
    return Statistics(
        first.rows,
        {number: each.tokens for number, each in of_fields},
        {(number, term.encode()): rows for number, each in of_fields for term, rows in each.frequencies.items()},
    )


def expansions(known: Statistics, prefixes: Sequence[FieldTerm]) -> Expansions:
    """Return the terms that prefixes stood for when statistics were computed: the first ones that a live row has."""
    return {
        (field, prefix): sorted(
            term
            for (number, term), rows in known.frequencies.items()
            if number == field and rows and term.startswith(prefix)
        )[:MAX_EXPANSIONS]
        for field, prefix in prefixes
    }
