"""Answers that are damaged, or that do not come from vectord: over real sockets, with both clients."""

import gzip
import socket
import time
from threading import Thread

import msgspec
import pytest
from tests.core.asking import INFO, Ask, failure_of
from tests.support.raw_server import answer, raw_server

from vectord_client import RetryPolicy, errors
from vectord_client.gateway_errors import AnswerInvalid, NotVectord


def test_a_page_of_html_that_is_not_found(ask: Ask) -> None:
    error = failure_of(ask, NotVectord, answer(404, b"<html><body>404 Not Found</body></html>"))
    assert "The server at this URL is not a vectord API" in str(error)
    assert "404 Not Found" in str(error)


def test_a_stage_that_does_not_exist(ask: Ask) -> None:
    error = failure_of(ask, NotVectord, answer(404, {"message": "Not Found"}))
    assert "the name of the stage" in str(error)


def test_a_stage_is_a_part_of_the_url(ask: Ask) -> None:
    with raw_server(answer(200, INFO)) as server:
        assert ask(server.url + "/prod/").count == 7
    assert server.requests[0].target == "/prod/indexes/films"


def test_a_path_that_the_deployment_does_not_have_is_named(url: str, ask: Ask) -> None:
    with pytest.raises(errors.RouteNotFound, match="URL ends with the host, or with the name"):
        ask(url + "/prod")


@pytest.mark.parametrize(
    "body",
    [b"<html>Welcome</html>", b"OK", b"", b"null", b"[]", b'{"status": "up"}', b'{"count": "seven"}', b"\xff\xfe"],
)
def test_a_successful_answer_of_another_server(ask: Ask, body: bytes) -> None:
    error = failure_of(
        ask,
        AnswerInvalid,
        answer(200, body, {"content-type": "text/plain" if body[:1] != b"{" else "application/json"}),
    )
    assert "not one of a vectord API" in str(error)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(ask: Ask, status: int) -> None:
    script = answer(status, b"", {"location": "https://other.example/login"})
    with raw_server(script) as server, pytest.raises(NotVectord, match="redirects to https://other"):
        ask(server.url)
    assert len(server.requests) == 1


def test_an_answer_without_end(ask: Ask) -> None:
    failure_of(ask, AnswerInvalid, answer(200, gzip.compress(bytes(80 << 20)), {"content-encoding": "gzip"}))


def test_a_server_of_another_protocol(ask: Ask) -> None:
    error = failure_of(ask, errors.ConnectionLost, b"SSH-2.0-OpenSSH_9.6\r\n")
    assert "does not speak HTTP" in str(error)


CUT = {
    "content-length": answer(200, INFO, {"content-length": "1000"}),
    "chunked": answer(200, b'40\r\n{"index":', {"content-length": "", "transfer-encoding": "chunked"}),
    "gzip": answer(200, gzip.compress(msgspec.json.encode(INFO))[:-4], {"content-encoding": "gzip"}),
    "not gzip": answer(200, b"{}", {"content-encoding": "gzip"}),
    "json": answer(200, b'{"index": {"name": "fi'),
}


@pytest.mark.parametrize("cut", CUT.values(), ids=CUT)
def test_a_truncated_answer(ask: Ask, cut: bytes) -> None:
    failure_of(ask, errors.AnswerTruncated, cut)


@pytest.mark.parametrize("cut", [*CUT.values(), None], ids=[*CUT, "none"])
def test_a_truncated_answer_is_requested_again(ask: Ask, cut: bytes | None) -> None:
    with raw_server(cut, answer(200, INFO)) as server:
        assert ask(server.url, retries=RetryPolicy(base_seconds=0.001)).count == 7
    assert len(server.requests) == 2


def test_a_compressed_answer(ask: Ask) -> None:
    whole = gzip.compress(msgspec.json.encode(INFO))
    with raw_server(answer(200, whole, {"content-encoding": "gzip"})) as server:
        assert ask(server.url).count == 7
    assert server.requests[0].headers["accept-encoding"] == "gzip"


def test_no_answer(ask: Ask) -> None:
    failure_of(ask, errors.ConnectionLost, None)


def test_an_answer_that_does_not_arrive_in_time(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(errors.TimedOut, match="did not answer within"):
            ask(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2)
        assert time.monotonic() - began < 5


def test_an_answer_that_arrives_byte_by_byte(ask: Ask) -> None:
    def trickle(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            try:
                for byte in answer(200, INFO):
                    connection.sendall(bytes([byte]))
                    time.sleep(0.01)
            except OSError:
                pass  # the client has closed the connection

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=trickle, args=[listener])
        thread.start()
        with pytest.raises(errors.TimedOut):
            ask(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=0.3)
        thread.join(10)
