"""What a bad day does to requests: each a fault, which the proxy before S3 lets one request meet."""

from collections.abc import Callable
from dataclasses import replace
from time import sleep

from tools.proxy.exchange import Exchange
from tools.proxy.server import Behaviour

type Fault = Behaviour
type FaultChooser = Callable[[Exchange], Fault]


def passes(exchange: Exchange) -> None:
    exchange.pass_through()


def loses_reply(exchange: Exchange) -> None:
    """Have S3 do it, and reset the connection instead of an answer."""
    exchange.forward()
    exchange.reset()


def loses_request(exchange: Exchange) -> None:
    exchange.reset()


def replays(exchange: Exchange) -> None:
    """Have S3 see the request twice, and answer the second time."""
    exchange.forward()
    exchange.answer(exchange.forward())


def cuts_request(share: float) -> Fault:
    """End both connections after a share of the body."""

    def fault(exchange: Exchange) -> None:
        exchange.forward_some(int(exchange.size * share))
        exchange.reset()

    return fault


def cuts_answer(share: float) -> Fault:
    """Have S3 do it, and end the connection after a share of the answer's bytes, its head among them."""

    def fault(exchange: Exchange) -> None:
        reply = exchange.forward()
        exchange.answer(reply, int(len(reply.wire) * share))

    return fault


def spoils_request(share: float) -> Fault:
    """Change one bit of the body, after that share of it, before S3 sees it."""

    def fault(exchange: Exchange) -> None:
        exchange.flip_bit(int((exchange.size - 1) * share))
        exchange.answer(exchange.forward())

    return fault


def spoils_answer(at: int) -> Fault:
    """Change one bit of the byte at offset `at` of the object, if the answer holds it."""

    def fault(exchange: Exchange) -> None:
        reply = exchange.forward()
        start = int(reply.header("content-range").removeprefix("bytes ").partition("-")[0] or 0)
        body = bytearray(reply.body)
        if reply.status in (200, 206) and start <= at < start + len(body):
            body[at - start] ^= 1
        exchange.answer(replace(reply, body=bytes(body)))

    return fault


def delays(seconds: float) -> Fault:
    """Hold the request back: what a client gave up may so arrive after what it did next."""

    def fault(exchange: Exchange) -> None:
        exchange.body()
        sleep(seconds)
        exchange.answer(exchange.forward())

    return fault


def delays_reply(seconds: float) -> Fault:
    """Have S3 do it at once, and hold the answer back."""

    def fault(exchange: Exchange) -> None:
        reply = exchange.forward()
        sleep(seconds)
        exchange.answer(reply)

    return fault


def refuses(status: int, code: str) -> Fault:
    return lambda exchange: exchange.refuse(status, code)


def fails_after(status: int, code: str) -> Fault:
    """Have S3 do it, and say that it failed."""

    def fault(exchange: Exchange) -> None:
        exchange.forward()
        exchange.refuse(status, code)

    return fault


def ends_at(size: int, how: str, lengths: list[int]) -> Fault:
    """Cut a response after `size` bytes: of the whole response if `how` is "the connection ends", else of its body.

    Append the original length to `lengths`.
    """

    def fault(exchange: Exchange) -> None:
        reply = exchange.forward()
        if how == "the connection ends":
            lengths.append(len(reply.wire))
            exchange.answer(reply, size)
        else:
            lengths.append(len(reply.body))
            exchange.answer(replace(reply, body=reply.body[:size], length=size))

    return fault
