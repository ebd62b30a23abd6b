"""Faults that the proxy before S3 applies to one request."""

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
    """Let S3 execute the request, and reset the connection instead of a response."""
    exchange.forward()
    exchange.reset()


def loses_request(exchange: Exchange) -> None:
    exchange.reset()


def replays(exchange: Exchange) -> None:
    """Send the request to S3 twice, and return the second response."""
    exchange.forward()
    exchange.answer(exchange.forward())


def cuts_request(share: float) -> Fault:
    """Close both connections after a share of the request body."""

    def fault(exchange: Exchange) -> None:
        exchange.forward_some(int(exchange.size * share))
        exchange.reset()

    return fault


def cuts_answer(share: float) -> Fault:
    """Let S3 execute the request, and close the connection after a share of the bytes of its response."""

    def fault(exchange: Exchange) -> None:
        reply = exchange.forward()
        exchange.answer(reply, int(len(reply.wire) * share))

    return fault


def spoils_request(share: float) -> Fault:
    """Flip one bit of the request body at that share of it."""

    def fault(exchange: Exchange) -> None:
        exchange.flip_bit(int((exchange.size - 1) * share))
        exchange.answer(exchange.forward())

    return fault


def spoils_answer(at: int) -> Fault:
    """Flip one bit of the byte at offset `at` of the object, if the response contains it."""

    def fault(exchange: Exchange) -> None:
        reply = exchange.forward()
        start = int(reply.header("content-range").removeprefix("bytes ").partition("-")[0] or 0)
        body = bytearray(reply.body)
        if reply.status in (200, 206) and start <= at < start + len(body):
            body[at - start] ^= 1
        exchange.answer(replace(reply, body=bytes(body)))

    return fault


def delays(seconds: float) -> Fault:
    """Delay the request; it may arrive after later requests of a client that gave up on it."""

    def fault(exchange: Exchange) -> None:
        exchange.body()
        sleep(seconds)
        exchange.answer(exchange.forward())

    return fault


def delays_reply(seconds: float) -> Fault:
    """Let S3 execute the request at once, and delay the response."""

    def fault(exchange: Exchange) -> None:
        reply = exchange.forward()
        sleep(seconds)
        exchange.answer(reply)

    return fault


def refuses(status: int, code: str) -> Fault:
    return lambda exchange: exchange.refuse(status, code)


def fails_after(status: int, code: str) -> Fault:
    """Let S3 execute the request, and respond with an error."""

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
