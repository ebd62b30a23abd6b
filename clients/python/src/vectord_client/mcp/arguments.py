"""Messages about arguments that are not valid: the argument, the rule that it breaks, and an example.

They are made from the JSON schema of a tool's arguments, which is what a model sees of the tool.
"""

import difflib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

Schema = Mapping[str, Any]
_SHOWN: Final = 3  # faults that a message lists
_LONGEST: Final = 80  # characters of a value in a message
_SHORT_LIST: Final = 10  # items of a list that a message may show


def arguments_message(error: ValidationError, schema: Schema) -> str:
    """Return which arguments of a call are not valid, the rule that each breaks, and an example.

    `schema` is the JSON schema of the tool's arguments.
    """
    faults = error.errors(include_url=False)
    parts = [_fault(fault["type"], fault["loc"], fault["input"], schema) for fault in faults[:_SHOWN]]
    if len(faults) > _SHOWN:
        parts.append(f"And {len(faults) - _SHOWN} more.")
    names = [str(fault["loc"][0]) for fault in faults[:_SHOWN]]
    return " ".join([*parts, *_examples(names, schema.get("properties", {}))])


def _fault(kind: str, location: Sequence[int | str], value: object, schema: Schema) -> str:
    path = _path(location)
    if kind == "extra_forbidden":
        known = list(_schema_at(location[:-1], schema).get("properties", ()))
        close = _close(str(location[-1]), known)
        meant = f" Did you mean {close[0]}?" if close else ""
        what, all_ = ("a member", "members") if location[1:] else ("an argument of this tool", "arguments")
        return f"{path} is not {what}.{meant} The {all_} are {', '.join(known)}."
    rule = _rule(_schema_at(location, schema), schema)
    if kind == "missing":
        return f"{path} is missing: it must be {rule}."
    return f"{path} must be {rule}, not {_shown(value)}."


def _close(name: str, known: Collection[str]) -> list[str]:
    """Return the known name that is most like a misspelled one, if one is like it."""
    return difflib.get_close_matches(name, known, 1)


def _path(location: Sequence[int | str]) -> str:
    """Return the place of a value, such as `vectors[0].id`."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return path.removeprefix(".")


def _schema_at(location: Sequence[int | str], root: Schema) -> Schema:
    """Return the schema of the value at a place; an empty one if the schema does not have the place."""
    schema = root
    for part in location:
        schema = _resolved(schema, root)
        schema = schema.get("items", {}) if isinstance(part, int) else schema.get("properties", {}).get(part, {})
    return _resolved(schema, root)


def _resolved(schema: Schema, root: Schema) -> Schema:
    """Return a schema without a reference and without the alternative null, but with its own bounds."""
    for alternative in schema.get("anyOf", ()):
        if alternative.get("type") != "null":
            return _resolved(alternative, root)
    if "$ref" in schema:
        found: Schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def _rule(schema: Schema, root: Schema) -> str:
    """Return in words what a value must be, such as "an integer from 1 to 100"."""
    match schema.get("type"):
        case "integer" | "number" as type_:
            article = "an integer" if type_ == "integer" else "a number"
            return article + _bounds(schema.get("minimum"), schema.get("maximum"))
        case "string" if "enum" in schema:
            return f"one of {', '.join(schema['enum'])}"
        case "string":
            return "a text"
        case "boolean":
            return "true or false"
        case "array":
            items = _resolved(schema.get("items", {}), root)
            nouns = {"string": "texts", "number": "numbers", "integer": "integers"}
            return f"a list of {_length(schema)}{nouns.get(items.get('type', ''), 'objects' + _members(items))}"
        case _:
            return f"an object{_members(schema)}"


def _bounds(least: float | None, most: float | None) -> str:
    if least is None:
        return "" if most is None else f" of at most {_number(most)}"
    return f" of at least {_number(least)}" if most is None else f" from {_number(least)} to {_number(most)}"


def _number(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"


def _length(schema: Schema) -> str:
    most = schema.get("maxItems")
    return "" if most is None else f"{schema.get('minItems', 0)} to {most:,} "


def _members(schema: Schema) -> str:
    names = list(schema.get("properties", ()))
    return f" with {', '.join(names)}" if names else ""


def _shown(value: object) -> str:
    """Return the beginning of a value as JSON, or its length if it is a long list."""
    if isinstance(value, list) and len(value) > _SHORT_LIST:
        return f"a list of {len(value):,}"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _examples(names: Sequence[str], properties: Schema) -> Iterator[str]:
    """Yield an example that has the arguments with faults, or those that a misspelled name may stand for."""
    meant = [known for name in names for known in ([name] if name in properties else _close(name, properties))]
    found = {name: properties[name]["examples"][0] for name in meant}
    if found:
        yield f"Example: {json.dumps(found, ensure_ascii=False)}"
