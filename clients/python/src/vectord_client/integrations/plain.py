"""Convert the metadata of a framework's documents to plain JSON values, and dates to numbers that have an order."""

import re
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from vectord_client.rows.json_values import NotJson
from vectord_client.rows.metadata import json_text

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ].*)?", re.ASCII)


def plain(value: object, where: str) -> Any:
    """Return `value` as the JSON values that an index stores for it; error messages call it `where`.

    Dates and times become text in ISO 8601, and tuples, sets and NumPy arrays lists: see `json_text`.

    Raises:
        ValueError: JSON cannot represent it.
    """
    try:
        return msgspec.json.decode(json_text(value))
    except NotJson as error:
        raise ValueError(f"{where} cannot be stored: {error}.") from error


def seconds(text: object) -> float | None:
    """Return the seconds from 1970 to a date in ISO 8601, such as `1979-05-25` or `1979-05-25T18:00:00+02:00`.

    A date without a time zone is read as UTC. None stands for anything that is not such a text.
    """
    if not isinstance(text, str) or not _DATE.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH).total_seconds()
