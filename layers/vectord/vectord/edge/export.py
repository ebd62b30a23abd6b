"""What an export is asked for, and how it is answered."""

from collections.abc import Mapping
from typing import Final

import msgspec

from vectord.edge import handler
from vectord.edge.handler import Reply
from vectord.edge.schemas import index_answers, queries
from vectord.errors import RequestInvalid
from vectord.service.export import FORMATS, LINK_SECONDS, Exported, Format

_FLAGS: Final = {"true": True, "false": False}
_NAMES: Final[dict[str, Format]] = {kind: kind for kind in FORMATS}


class Asked(msgspec.Struct, frozen=True):
    """A format, which state (None for the present one), and whether the answer has to be a link."""

    kind: Format
    as_of: str | None
    linked: bool


def asked(query: Mapping[str, str]) -> Asked:
    """Return what a query string asks for.

    Raises:
        RequestInvalid: a parameter is unknown, or out of range.
    """
    queries.check(query, queries.Export)
    kind, linked = _NAMES.get(query.get("format", "")), _FLAGS.get(query.get("link", "false"))
    if kind is None:
        raise RequestInvalid(f"format must be one of {', '.join(FORMATS)}, not {query.get('format')!r}.")
    if linked is None:
        raise RequestInvalid(f"link must be true or false, not {query['link']!r}.")
    return Asked(kind, query.get("as_of"), linked)


def shown(name: str, kind: Format, made: Exported) -> Reply:
    """Return the file itself, or where to fetch it."""
    if made.file.url is not None:
        told = index_answers.Export(made.file.url, made.file.size, kind, LINK_SECONDS)
        return Reply(told, headers=handler.etag(made.etag))
    headers = {"Content-Type": FORMATS[kind], "Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    return Reply(made.file.data, headers={**headers, **handler.etag(made.etag)})
