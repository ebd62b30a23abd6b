"""Examples in documents: a `curl` command in a block of shell, the status of its answer, and the JSON.

Placeholders for values that vary between runs:

- `…` in a text matches any text;
- a text `$NAME` matches any text that is not empty; later commands use it as `$NAME`;
- a member called `…` of an object matches any other members;
- a number under a key of VOLATILE, or anywhere inside it, matches any number.

Everything else must be equal, except for the last digits of a float64.
"""

import math
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Template
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

# Values that depend on the machine, or on what the process has cached.
VOLATILE: Final = frozenset(("milliseconds", "exact_milliseconds", "bytes", "bytes_read", "plan"))

_SECTION: Final = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_ROUTE: Final = re.compile(r"^`((?:GET|POST|PUT|PATCH|DELETE) /\S+)`:", re.MULTILINE)
_EXAMPLE: Final = re.compile(r"^```sh\n(.*?)```\n\n`(\d{3})`\n(?:\n```json\n(.*?)```)?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A command, the status of its answer, and its body as JSON text, None if there is none."""

    command: str
    status: int
    shown: str | None


@dataclass(frozen=True)
class Section:
    """One section of a page, with its routes and examples."""

    title: str
    text: str
    routes: list[str]
    examples: list[Example]


@dataclass(frozen=True)
class Sent:
    """A request that `curl` would send."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: str | None


def sections(page: str) -> list[Section]:
    """Return the sections of a page of Markdown."""
    return [Section(title, text, _ROUTE.findall(text), _examples(text)) for title, text in _SECTION.findall(page)]


def _examples(text: str) -> list[Example]:
    return [Example(command, int(status), shown or None) for command, status, shown in _EXAMPLE.findall(text)]


def parsed(command: str, values: Mapping[str, str]) -> Sent:
    """Return the request that a `curl` command sends if the shell has the variables `values`, with `URL` empty.

    Supports only the options that the documents use.
    """
    method, data, url, headers, query = "", None, "", {}, []
    words = iter(shlex.split(_expanded(command, values)))
    assert next(words) == "curl"
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            data = next(words)
        elif word == "--data-urlencode":
            query.append(tuple(next(words).split("=", 1)))
        elif word != "-G":
            assert not word.startswith("-"), f"unsupported option {word}"
            url = word
    split = urlsplit(url)
    return Sent(method or "GET", split.path, dict(parse_qsl(split.query) + query), headers, data)


def _expanded(command: str, values: Mapping[str, str]) -> str:
    """Substitute variables as a shell does: not inside single quotes."""
    pieces = re.split(r"('[^']*')", command)
    return "".join(piece if piece.startswith("'") else Template(piece).substitute(values) for piece in pieces)


@dataclass
class Values:
    """The values of the `$NAME`s so far, and the comparison of answers with what a document shows."""

    known: dict[str, str] = field(default_factory=dict)

    def difference(self, shown: Any, found: Any, where: str = "$", *, volatile: bool = False) -> str | None:
        """Return where `found` differs from `shown`, or None."""
        if isinstance(shown, dict) and isinstance(found, dict):
            return self._of_objects(shown, found, where, volatile=volatile)
        if isinstance(shown, list) and isinstance(found, list) and len(shown) == len(found):
            pairs = enumerate(zip(shown, found, strict=True))
            differences = (self.difference(*pair, f"{where}[{n}]", volatile=volatile) for n, pair in pairs)
            return next(filter(None, differences), None)
        return None if self._matches(shown, found, volatile=volatile) else f"{where}: {found!r} instead of {shown!r}"

    def _of_objects(self, shown: dict[str, Any], found: dict[str, Any], where: str, *, volatile: bool) -> str | None:
        expected = shown.keys() - {"…"}
        if expected - found.keys() or ("…" not in shown and found.keys() != expected):
            return f"{where} has the members {sorted(found)} instead of {sorted(shown)}"
        differences = (
            self.difference(shown[key], found[key], f"{where}.{key}", volatile=volatile or key in VOLATILE)
            for key in shown
            if key != "…"
        )
        return next(filter(None, differences), None)

    def _matches(self, shown: Any, found: Any, *, volatile: bool) -> bool:
        if _is_number(shown) and _is_number(found):
            return volatile or math.isclose(shown, found, rel_tol=1e-12, abs_tol=1e-15)
        if isinstance(shown, str) and isinstance(found, str):
            if name := re.fullmatch(r"\$([A-Z]+)", shown):
                return bool(found) and self.known.setdefault(name[1], found) == found
            return volatile or re.fullmatch(".*".join(map(re.escape, shown.split("…"))), found, re.DOTALL) is not None
        return type(shown) is type(found) and bool(shown == found)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
