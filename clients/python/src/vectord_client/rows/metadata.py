"""Encode metadata as JSON, without a silent change: what JSON cannot represent is refused with its path."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from vectord_client.rows.block import Reasons
from vectord_client.rows.json_values import NotJson, converted, not_json_reason


def json_texts(values: Sequence[Any], reasons: Reasons) -> list[bytes | None]:
    """Return the metadata of rows as JSON texts, and add the reasons for which some are not valid."""
    if (lines := _lines(values)) is not None:
        return lines
    texts: list[bytes | None] = []
    for row, value in enumerate(values):
        try:
            texts.append(None if value is None else json_text(value))
        except NotJson as error:
            texts.append(None)
            reasons.setdefault(row, str(error))
    return texts


def _lines(values: Sequence[Any]) -> list[bytes | None] | None:
    """Return the JSON texts of values that are certainly valid, by one call of the encoder; None for any others."""
    if msgspec.Raw in set(map(type, values)):
        return None
    try:
        text = _ENCODER.encode_lines(values)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
    if b"null" in text:  # None, or NaN
        return None
    lines: list[bytes | None] = [*text.split(b"\n")[:-1]]
    return lines


def json_text(value: Any) -> bytes:
    """Return a value as JSON in UTF-8.

    Beside the values of the json module: numpy scalars and arrays, dates and times (RFC 3339), durations (ISO 8601),
    decimals (with all digits), UUIDs, enums, sets, dataclasses, structs; bytes as base64; `msgspec.Raw` as it is.

    Raises:
        NotJson: the value is or contains NaN, an infinite number, a missing value such as NaT, or another type.
    """
    if isinstance(value, msgspec.Raw):
        return checked_text(bytes(value))
    try:
        text = _ENCODER.encode(value)
    except UnicodeEncodeError as error:
        raise NotJson("metadata has a text with half a surrogate pair, which UTF-8 cannot have") from error
    except RecursionError as error:
        raise NotJson(_TOO_DEEP) from error
    except (TypeError, ValueError, OverflowError) as error:
        known = str(error) if isinstance(error, NotJson) else f"metadata cannot be JSON: {error}"
        raise NotJson(not_json_reason(value) or known) from error
    if b"null" in text and (reason := not_json_reason(value)):  # msgspec writes null for NaN
        raise NotJson(reason)
    return text


def checked_text(text: bytes) -> bytes:
    """Return a JSON text as it is.

    Raises:
        NotJson: it is not JSON.
    """
    try:
        text.decode()
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJson(f"metadata is not JSON: {error}") from error
    except RecursionError as error:
        raise NotJson(_TOO_DEEP) from error
    return text


_TOO_DEEP: Final = "metadata has too many levels, or contains itself; the limit is 100 levels"
_ENCODER: Final = msgspec.json.Encoder(enc_hook=converted, decimal_format="number")
