"""Convert a query string to an export request, and an exported file to a reply."""

from collections.abc import Mapping
from typing import Final

from vectord.edge import handler
from vectord.edge.route import Reply
from vectord.edge.schemas import index_answers, queries
from vectord.errors import RequestInvalid
from vectord.service.export import LINK_SECONDS, Exported, ExportRequest
from vectord.writers.export import FORMATS, TEXT_FORMATS, Format

_FLAGS: Final = {"true": True, "false": False}
_NAMES: Final[dict[str, Format]] = {kind: kind for kind in FORMATS}


def read_export(query: Mapping[str, str]) -> ExportRequest:
    """Return the export request in a query string.

    Raises:
        RequestInvalid: a parameter is unknown, or out of range.
    """
    queries.check(query, queries.Export)
    kind, linked = _NAMES.get(query.get("format", "")), _FLAGS.get(query.get("link", "false"))
    if kind is None:
        given = repr(query["format"]) if "format" in query else "absent"
        raise RequestInvalid(f"format must be one of {', '.join(FORMATS)}, not {given}.")
    if linked is None:
        raise RequestInvalid(f"link must be true or false, not {query['link']!r}.")
    encoding = queries.read_vector_encoding(query)
    if encoding != "array" and kind not in TEXT_FORMATS:
        raise RequestInvalid(f"vector_encoding is for {' and '.join(TEXT_FORMATS)}; {kind} always has binary vectors.")
    return ExportRequest(kind, linked, encoding)


def export_reply(name: str, kind: Format, exported: Exported) -> Reply:
    """Return the file itself, or a link to it."""
    if exported.file.url is not None:
        answer = index_answers.Export(exported.file.url, exported.file.size, kind, LINK_SECONDS)
        return Reply(answer, headers=handler.etag_header(exported.etag))
    headers = {"Content-Type": FORMATS[kind], "Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    return Reply(exported.file.data, headers={**headers, **handler.etag_header(exported.etag)})
