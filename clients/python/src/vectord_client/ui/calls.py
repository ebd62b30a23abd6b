"""What the page may ask: reads of the API, which are passed on, and a few computations on this machine."""

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec

from vectord_client import __version__
from vectord_client.client import Client
from vectord_client.embedding.embedder import embed_query
from vectord_client.embedding.index_embedding import embedder_of
from vectord_client.errors import ArgumentInvalid, UsageError, VectordError
from vectord_client.gateway_errors import AnswerInvalid
from vectord_client.session import Session
from vectord_client.ui.maps import Maps
from vectord_client.wire import encode, operations
from vectord_client.wire.call import Call
from vectord_client.wire.request import Request, Response
from vectord_client.wire.retry import RetryPolicy

_INDEX: Final = r"/indexes/[A-Za-z0-9_-][A-Za-z0-9._-]*"
# The operations that are passed on. All of them only read.
_READS: Final = (
    ("GET", re.compile("/indexes")),
    ("GET", re.compile(_INDEX)),
    ("GET", re.compile(f"{_INDEX}/vectors")),
    ("POST", re.compile(f"{_INDEX}/(search|recall|vectors/(get|count|facets))")),
)

T = TypeVar("T")


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows as its target, the embedder of texts, and the seconds for a request with its repeats."""

    target: str = ""
    embedder: str | None = None
    timeout: float = 60.0


class TextToEmbed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text that is searched for."""

    index: str
    text: str


class MapWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A map of an index: the metadata path that colours its points, and the filter that highlights some."""

    index: str
    sample: int = 2_000
    path: str | None = None
    filter: dict[str, Any] | None = None


class Calls:
    """Answers the requests of the page. Several threads may use it at once."""

    def __init__(self, client: Client, options: Options) -> None:
        self._session = Session(client.transport, RetryPolicy(), options.timeout)
        self._options = options
        self._maps = Maps(self._session)

    def answer(self, method: str, path: str, query: str, body: bytes) -> Response:
        """Return the response to a request; an error of the service has the service's own text."""
        try:
            return self._answered(method, path, query, body)
        except VectordError as error:
            return _problem(error)

    def _answered(self, method: str, path: str, query: str, body: bytes) -> Response:
        match method, path:
            case "GET", "/about":
                return _json({"target": self._options.target, "version": __version__})
            case "POST", "/embed":
                return _json({"vector": self._embedded(_decoded(body, TextToEmbed))})
            case "POST", "/map":
                wanted = _decoded(body, MapWanted)
                return _json(self._maps.map(wanted.index, wanted.sample, wanted.path, wanted.filter))
        route = path.removeprefix("/api")
        if route == path or not any(method == one and shape.fullmatch(route) for one, shape in _READS):
            refused = {"title": "The page may not ask this.", "status": 403, "detail": "`vectord ui` only reads."}
            return _json(refused, 403)
        return self._passed_on(method, route, query, body)

    def _passed_on(self, method: str, route: str, query: str, body: bytes) -> Response:
        parameters = tuple(parse_qsl(query, keep_blank_values=True))
        headers = {"content-type": "application/json"} if method == "POST" else {}
        request = Request(method, route, parameters, headers, body if method == "POST" else None)
        response = self._session.run(Call(request, _unchanged))
        return Response(response.status, {"content-type": "application/json"}, response.body)

    def _embedded(self, wanted: TextToEmbed) -> str:
        """Return the vector of a text as base64, by the model of the index."""
        info = self._session.run(operations.describe(wanted.index))
        return encode.vector(embed_query(embedder_of(self._options.embedder, info.parameters), wanted.text))


def _unchanged(response: Response) -> Response:
    """Return a successful response as it is, if it is JSON."""
    try:
        msgspec.json.decode(response.body, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AnswerInvalid(f"The answer is not JSON: {error}.", status=502) from error
    return response


def _decoded(body: bytes, kind: type[T]) -> T:
    decode: Callable[..., T] = msgspec.json.decode
    try:
        return decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ArgumentInvalid(f"The request is not valid: {error}.") from error


def _json(value: Any, status: int = 200) -> Response:
    return Response(status, {"content-type": "application/json"}, msgspec.json.encode(value))


def _problem(error: VectordError) -> Response:
    """Return an error in the form of the API's problems."""
    status = error.status or (400 if isinstance(error, UsageError) else 502)
    title = error.title or type(error).__name__
    detail = error.detail if error.type is not None else str(error)
    return _json({"type": error.type, "title": title, "status": status, "detail": detail or title}, status)
