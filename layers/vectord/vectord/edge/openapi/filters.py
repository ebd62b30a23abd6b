"""The JSON schema of filters, written by hand because `filters/parse.py` parses them without a type."""

from typing import Any, Final

from vectord.edge.schemas.fields import FILTER, ref
from vectord.filters.limits import MAX_PATTERN, MAX_VALUES

_SCALAR: Final = {"type": ["string", "number", "boolean", "null"]}
_ORDERED: Final = {"type": ["string", "number"]}
_SEVERAL: Final = {"type": "array", "items": _SCALAR, "maxItems": MAX_VALUES}
_PATTERN: Final = {"type": "string", "maxLength": MAX_PATTERN}
_WORDS: Final = {**_PATTERN, "description": "Words. The path must be that of a searchable field of `text`."}
_EACH: Final = {"type": "array", "items": ref(FILTER)}
_OPERATORS: Final = "Operators"

FILTER_SCHEMAS: Final[dict[str, Any]] = {
    FILTER: {
        "description": "Keys are paths into metadata, joined by dots, or $and, $or and $not. All must hold. "
        "A path that starts with $ is written with a backslash before it.",
        "type": "object",
        "properties": {"$and": _EACH, "$or": _EACH, "$not": ref(FILTER)},
        "patternProperties": {
            r"^[^$]": {"anyOf": [_SCALAR, ref(_OPERATORS)]},
            "^$": {"anyOf": [_SCALAR, ref(_OPERATORS)]},
        },
        "additionalProperties": False,
    },
    _OPERATORS: {
        "description": "Conditions on the value at a path. Several operators require all of them.",
        "type": "object",
        "minProperties": 1,
        "properties": {
            **dict.fromkeys(("$eq", "$ne"), _SCALAR),
            **dict.fromkeys(("$gt", "$gte", "$lt", "$lte"), _ORDERED),
            **dict.fromkeys(("$in", "$nin"), _SEVERAL),
            "$exists": {"type": "boolean"},
            **dict.fromkeys(("$prefix", "$glob"), _PATTERN),
            **dict.fromkeys(("$match", "$match_any", "$phrase"), _WORDS),
            "$not": ref(_OPERATORS),
        },
        "additionalProperties": False,
    },
}
