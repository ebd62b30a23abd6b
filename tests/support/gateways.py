"""Models of what a gateway between a client and the functions may do to a path, as events of payload format 2.0.

A gateway decodes the whole path (`rawPath`) and the parameters of its route. Each may be decoded in another way.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, unquote_plus

from tests.support.api import an_event, as_the_gateway_decodes

Decode = Callable[[str], str]


def once(text: str) -> str:
    return unquote(text)


def twice(text: str) -> str:
    return unquote(unquote(text))


def not_at_all(text: str) -> str:
    return text


def cut_at_question_mark(text: str) -> str:
    return unquote(text).partition("?")[0]


def cut_at_hash(text: str) -> str:
    return unquote(text).partition("#")[0]


def twice_and_cut(text: str) -> str:
    """Decode as the HTTP API of the captured events: a `?` of the first decoding ends the path."""
    return unquote(unquote(text).partition("?")[0])


def with_plus_as_space(text: str) -> str:
    return unquote_plus(text)


def without_empty_segments(text: str) -> str:
    return re.sub("/{2,}", "/", unquote(text))


def without_a_last_slash(text: str) -> str:
    return unquote(text).rstrip("/")


def without_dots(text: str) -> str:
    """Decode, and remove the segments `.` and `..` as RFC 3986, section 5.2.4, does."""
    kept: list[str] = []
    for segment in unquote(text).split("/"):
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept)


def as_ascii(text: str) -> str:
    return re.sub(r"[^\x00-\x7f]", "\ufffd", unquote(text))


DECODERS: tuple[Decode, ...] = (
    once,
    twice,
    not_at_all,
    as_the_gateway_decodes,
    cut_at_question_mark,
    cut_at_hash,
    twice_and_cut,
    with_plus_as_space,
    without_empty_segments,
    without_a_last_slash,
    without_dots,
    as_ascii,
)
# These give the id of the client, or leave a `%` or U+FFFD in its place.
FAITHFUL: tuple[Decode, ...] = (once, not_at_all, as_the_gateway_decodes, as_ascii)


def event(route: str, sent: str, decode_path: Decode, decode_parameter: Decode, query: str = "") -> dict[str, Any]:
    """Return the event of a request to the percent-encoded path `sent`, which the gateway matched with `route`."""
    made = an_event(route, "", parameters_of(route, sent, decode_parameter), {}, None)
    made["rawPath"] = made["requestContext"]["http"]["path"] = decode_path(sent)
    made["rawQueryString"] = query
    return made


def parameters_of(route: str, sent: str, decode: Decode) -> Mapping[str, str]:
    """Return the parameters of a route in a percent-encoded path; an empty one is absent, as it does not match."""
    template = route.partition(" ")[2]
    pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", re.sub(r"{(\w+)\+}", r"(?P<\1>.+)", template))
    found = re.fullmatch(pattern, sent)
    decoded = {name: decode(value) for name, value in found.groupdict().items()} if found else {}
    return {name: value for name, value in decoded.items() if value}
