"""Responses to values."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import structs

from vectord_client.errors import AnswerTruncated
from vectord_client.gateway_errors import AnswerInvalid
from vectord_client.hits import Hits
from vectord_client.values import Build, ExportLink, IndexInfo, Parameters, ShardInfo
from vectord_client.vector import Vector, unpack
from vectord_client.wire.request import Response

T = TypeVar("T")
_EXCERPT = 200


class Page(msgspec.Struct, frozen=True):
    """One page of a listing: its items, and the cursor of the next page or None."""

    items: tuple[Any, ...]
    next: str | None = None


def next_cursor(page: Page, cursor: str | None) -> str | None:
    """Return the cursor of the next page, None at the end.

    Raises:
        AnswerInvalid: The cursor is that of the page itself, so that the listing would not end.
    """
    if page.next is not None and page.next == cursor:
        raise AnswerInvalid("The service sent a page whose cursor leads to the same page.")
    return page.next


class Exported(msgspec.Struct, frozen=True):
    """An export: the bytes of the file, or a link to it."""

    data: bytes | None = None
    link: ExportLink | None = None
    etag: str = ""


class _Graph(msgspec.Struct, frozen=True):
    bytes: int


class _Description(msgspec.Struct, frozen=True, kw_only=True):
    index: Parameters
    count: int
    bytes: int
    graph: _Graph
    calibration: dict[str, dict[str, float]]
    shards: tuple[ShardInfo, ...] = ()
    build: Build | None = None


class _Searches(msgspec.Struct, frozen=True):
    results: tuple[Hits, ...]
    bytes_read: int
    requests: int
    milliseconds: float
    rounds: int = 0


def _vector(kind: type, value: Any) -> Any:
    if kind is Vector and isinstance(value, str):
        return unpack(value)
    raise TypeError(f"{kind} does not occur in answers")


def reader(kind: type[T]) -> Callable[[Response], T]:
    """Return a function that reads a successful response as `kind`, with its ETag if `kind` has one.

    The function raises `AnswerInvalid` if the body does not have the form of `kind`.
    """
    decoder = msgspec.json.Decoder(kind, dec_hook=_vector)
    has_etag = issubclass(kind, msgspec.Struct) and "etag" in kind.__struct_fields__

    def read(response: Response) -> T:
        value = decoded(decoder, response)
        return structs.replace(value, etag=etag_of(response)) if has_etag else value  # type: ignore[type-var]

    return read


def page_reader(kind: type[Any], member: str) -> Callable[[Response], Page]:
    """Return a function that reads a page whose items are in `member`."""
    items: Any = tuple.__class_getitem__((kind, ...))
    shape = msgspec.defstruct("_Shape", [(member, items), ("next", str | None)], frozen=True)
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(shape, dec_hook=_vector)

    def read(response: Response) -> Page:
        value = decoded(decoder, response)
        return Page(getattr(value, member), value.next)

    return read


_description = msgspec.json.Decoder(_Description)
_searches = msgspec.json.Decoder(_Searches, dec_hook=_vector)


def info(response: Response) -> IndexInfo:
    """Read a description of an index."""
    value = decoded(_description, response)
    return IndexInfo(
        parameters=value.index,
        count=value.count,
        bytes=value.bytes,
        graph_bytes=value.graph.bytes,
        calibration=value.calibration,
        shards=value.shards,
        build=value.build,
        etag=etag_of(response),
    )


def searches(response: Response) -> list[Hits]:
    """Read the results of several searches in one request."""
    value = decoded(_searches, response)
    common = {
        "bytes_read": value.bytes_read,
        "requests": value.requests,
        "rounds": value.rounds,
        "milliseconds": value.milliseconds,
        "etag": etag_of(response),
    }
    return [structs.replace(hits, **common) for hits in value.results]


def exported(response: Response) -> Exported:
    """Read an export: JSON with a link, or the file itself, which is an attachment."""
    if "content-disposition" in response.headers:
        return Exported(data=response.body, etag=etag_of(response))
    return Exported(link=decoded(_link, response), etag=etag_of(response))


def export_link(response: Response) -> ExportLink:
    """Read a link to an export."""
    return decoded(_link, response)


_link = msgspec.json.Decoder(ExportLink)


def document(response: Response) -> dict[str, Any]:
    """Read a JSON object as it is."""
    return decoded(_document, response)


_document = msgspec.json.Decoder(dict[str, Any])


def nothing(response: Response) -> None:
    """Read an answer without a body.

    Raises:
        AnswerInvalid: It has a body, so it does not come from the API.
    """
    if response.body:
        raise unexpected(response, "a body where the API sends none")


def decoded(decoder: "msgspec.json.Decoder[T]", response: Response) -> T:
    """Decode the body of a successful response.

    Raises:
        AnswerInvalid: It is not JSON, or not of this form.
        AnswerTruncated: It says that it is JSON, but its text is damaged.
    """
    try:
        return decoder.decode(response.body)
    except msgspec.ValidationError as error:
        raise unexpected(response, str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if response.body and response.headers.get("content-type", "").startswith("application/json"):
            raise AnswerTruncated(
                f"The answer is cut or damaged: {error}. A proxy or the network did that.",
                status=response.status,
                request_id=request_id(response),
            ) from error
        raise unexpected(response, "not JSON") from error


def unexpected(response: Response, reason: str) -> AnswerInvalid:
    """Return the error for a successful response that does not have the form of the API."""
    kind = response.headers.get("content-type", "no content type")
    return AnswerInvalid(
        f"The answer is successful, but it is not one of a vectord API ({reason}; {kind}): {excerpt(response.body)} "
        "Check that the URL is the one that the deployment printed.",
        status=response.status,
        request_id=request_id(response),
    )


def excerpt(body: bytes) -> str:
    """Return the start of a body as one line of text."""
    text = " ".join(body[: 4 * _EXCERPT].decode(errors="replace").split())
    return repr(text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…")


def etag_of(response: Response) -> str:
    return response.headers.get("etag", "")


def request_id(response: Response) -> str | None:
    """Return the name of the request in the access log of the deployment."""
    return response.headers.get("apigw-requestid") or response.headers.get("x-amzn-requestid")


class _Counted(msgspec.Struct, frozen=True):
    count: int


_counted = msgspec.json.Decoder(_Counted)


def count(response: Response) -> int:
    """Read a count of vectors."""
    return decoded(_counted, response).count
