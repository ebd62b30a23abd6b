"""Where requests begin in the bytes of one HTTP/1.1 connection."""

from collections.abc import Iterator
from dataclasses import dataclass, field

_END = b"\r\n\r\n"
_MOST = 1 << 16


class NotHttp(ValueError):
    """The bytes are no HTTP/1.1 requests."""


@dataclass
class Messages:
    """Follows the requests of a connection: heads, bodies of a known length, and chunked bodies."""

    _head: bytearray = field(default_factory=bytearray)
    _left: int = 0  # bytes of the body (or of the chunk and its line end) still to come
    _chunked: bool = False

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """Give `data`, and what was held back of a head before, in pieces; True with one that begins with a head.

        A head is given whole, together with what `data` has of its body.

        Raises:
            NotHttp: a head or a chunk's size cannot be read.
        """
        rest = data
        while rest:
            if self._left or self._chunked:
                piece, rest = self._body(rest)
                yield piece, False
                continue
            self._head += rest
            end = self._head.find(_END)
            if end < 0:
                if len(self._head) > _MOST:
                    raise NotHttp("a head without an end")
                return
            head, rest = bytes(self._head[: end + 4]), bytes(self._head[end + 4 :])
            self._head.clear()
            self._begin(head)
            body = b""
            if rest and (self._left or self._chunked):
                body, rest = self._body(rest)
            yield head + body, True

    def _begin(self, head: bytes) -> None:
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            match name.strip().lower():
                case b"content-length":
                    self._left = _number(value, 10)
                case b"transfer-encoding":
                    self._chunked = b"chunked" in value.lower()

    def _body(self, rest: bytes) -> tuple[bytes, bytes]:
        """Return what of `rest` belongs to the body under way, and what does not."""
        if not self._chunked:
            taken = min(self._left, len(rest))
            self._left -= taken
            return rest[:taken], rest[taken:]
        at = 0
        while at < len(rest) and self._chunked:
            if self._left:
                taken = min(self._left, len(rest) - at)
                self._left -= taken
                at += taken
            else:
                at = self._chunk(rest, at)
        return rest[:at], rest[at:]

    def _chunk(self, rest: bytes, at: int) -> int:
        """Read a chunk's line, which may come in parts, and return where it ends; the last chunk ends the body."""
        end = rest.find(b"\n", at)
        if end < 0:
            self._head += rest[at:]
            return len(rest)
        line = bytes(self._head) + rest[at : end + 1]
        self._head.clear()
        if line == b"\r\n":  # the end of the trailers, since that of a chunk is counted with it
            self._chunked = False
        elif b":" not in line:  # a trailer has one
            size = _number(line.partition(b";")[0], 16)
            self._left = size + 2 if size else 0
        return end + 1


def _number(text: bytes, base: int) -> int:
    try:
        return int(text.strip(), base)
    except ValueError as error:
        raise NotHttp(f"not a length: {text!r}") from error
