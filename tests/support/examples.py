"""Examples in documents: a `curl` command in a block of shell, the status it answers, and the JSON.

How a document shows JSON that differs from run to run:

- a text with `…` stands for any text with the parts around it,
- a text `$NAME` stands for any text that is not empty, which later commands use as `$NAME`,
- a member called `…` of an object stands for any other members,
- a number under a key of VOLATILE, or anywhere inside it, stands for any number.

All else must be the same, numbers but for the last digits of a float64.
"""

import math
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Template
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

# What a machine or a process that holds the index already alters.
VOLATILE: Final = frozenset(("milliseconds", "exact_milliseconds", "bytes", "bytes_read", "plan"))

_SECTION: Final = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_ROUTE: Final = re.compile(r"^`((?:GET|POST|PATCH|DELETE) /\S+)`:", re.MULTILINE)
_EXAMPLE: Final = re.compile(r"^```sh\n(.*?)```\n\n`(\d{3})`\n(?:\n```json\n(.*?)```)?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A command and what it answers; `shown` is JSON text, None where the answer has no body."""

    command: str
    status: int
    shown: str | None


@dataclass(frozen=True)
class Section:
    """One section of a page, with the routes that it begins with and its examples."""

    title: str
    text: str
    routes: list[str]
    examples: list[Example]


@dataclass(frozen=True)
class Sent:
    """A request as `curl` would send it."""

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
    """Return the request that a `curl` command sends where the shell has `values`, `URL` among them empty.

    It knows the options that the documents use, and no other.
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
            assert not word.startswith("-"), f"the option {word} is not known here"
            url = word
    split = urlsplit(url)
    return Sent(method or "GET", split.path, dict(parse_qsl(split.query) + query), headers, data)


def _expanded(command: str, values: Mapping[str, str]) -> str:
    """Put values in as a shell does: not inside single quotes."""
    pieces = re.split(r"('[^']*')", command)
    return "".join(piece if piece.startswith("'") else Template(piece).substitute(values) for piece in pieces)


@dataclass
class Values:
    """What `$NAME` stood for so far."""

    known: dict[str, str] = field(default_factory=dict)

    def difference(self, shown: Any, found: Any, where: str = "$", *, volatile: bool = False) -> str | None:
        """Return where `found` is not what is `shown`, None if it is."""
        if isinstance(shown, dict) and isinstance(found, dict):
            return self._of_objects(shown, found, where, volatile=volatile)
        if isinstance(shown, list) and isinstance(found, list) and len(shown) == len(found):
            pairs = enumerate(zip(shown, found, strict=True))
            told = (self.difference(*pair, f"{where}[{place}]", volatile=volatile) for place, pair in pairs)
            return next(filter(None, told), None)
        return None if self._alike(shown, found, volatile=volatile) else f"{where}: {found!r} instead of {shown!r}"

    def _of_objects(self, shown: dict[str, Any], found: dict[str, Any], where: str, *, volatile: bool) -> str | None:
        wanted = shown.keys() - {"…"}
        if wanted - found.keys() or ("…" not in shown and found.keys() != wanted):
            return f"{where} has the members {sorted(found)} instead of {sorted(shown)}"
        told = (
            self.difference(shown[key], found[key], f"{where}.{key}", volatile=volatile or key in VOLATILE)
            for key in shown
            if key != "…"
        )
        return next(filter(None, told), None)

    def _alike(self, shown: Any, found: Any, *, volatile: bool) -> bool:
        if _is_number(shown) and _is_number(found):
            return volatile or math.isclose(shown, found, rel_tol=1e-12, abs_tol=1e-15)
        if isinstance(shown, str) and isinstance(found, str):
            if name := re.fullmatch(r"\$([A-Z]+)", shown):
                return bool(found) and self.known.setdefault(name[1], found) == found
            return volatile or re.fullmatch(".*".join(map(re.escape, shown.split("…"))), found, re.DOTALL) is not None
        return type(shown) is type(found) and bool(shown == found)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
