"""Wrong URLs, no network, damaged and foreign answers: over real sockets, with both clients."""

import asyncio
import gzip
import socket
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.support.raw_server import answer, raw_server

from vectord_client import AsyncClient, Client, IndexInfo, RetryPolicy, VectordError, errors
from vectord_client.gateway_errors import (
    AccessRefused,
    AnswerInvalid,
    ClockSkewed,
    GatewayFailed,
    NotVectord,
    RequestRefused,
    Throttled,
)

INFO = {
    "index": {"name": "films", "dimension": 3, "m": 16, "ef_search": 20, "distance": "cosine"},
    "count": 7,
    "bytes": 280,
    "graph": {"bytes": 0},
    "calibration": {},
}
ONCE = RetryPolicy(attempts=1)
Ask = Callable[..., IndexInfo]


def _ask(url: str, **options: Any) -> IndexInfo:
    with Client(url, **{"retries": ONCE, **options}) as client:
        return client.index("films").info()


def _ask_async(url: str, **options: Any) -> IndexInfo:
    async def ask() -> IndexInfo:
        async with AsyncClient(url, **{"retries": ONCE, **options}) as client:
            return await client.index("films").info()

    return asyncio.run(ask())


@pytest.fixture(params=[_ask, _ask_async], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Return a function that asks a URL for the description of the index `films`."""
    asked: Ask = request.param
    return asked


def _failure(ask: Ask, kind: type[VectordError], *script: bytes | None, **options: Any) -> VectordError:
    with raw_server(*script) as server, pytest.raises(kind) as raised:
        ask(server.url, **options)
    assert type(raised.value) is kind
    return raised.value


# ---------------------------------------------------------------------------------------------------- no connection


def test_a_host_that_does_not_resolve(ask: Ask) -> None:
    began = time.monotonic()
    with pytest.raises(errors.HostNotFound, match="does not resolve: check the URL and the network"):
        ask("http://no-such-host.invalid", retries=RetryPolicy())
    assert time.monotonic() - began < 30


def test_a_port_on_which_nothing_listens(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(errors.ConnectionFailed, match="refused the connection: nothing listens"):
        ask(f"http://127.0.0.1:{port}", retries=RetryPolicy(base_seconds=0.001))


def test_a_server_that_does_not_speak_tls(ask: Ask) -> None:
    with raw_server(answer(200, INFO)) as server, pytest.raises(errors.CertificateInvalid, match="begins with http://"):
        ask(server.url.replace("http://", "https://"))


def test_vectord_serve_does_not_speak_tls(ask: Ask, url: str) -> None:
    with pytest.raises(errors.CertificateInvalid, match="begins with http://"):
        ask(url.replace("http://", "https://"))


def test_a_server_that_is_silent_when_tls_begins(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(errors.ConnectionFailed, match=r"accepted the connection.* begins with http://") as raised:
            ask(f"https://127.0.0.1:{silent.getsockname()[1]}", timeout=0.3, retries=RetryPolicy(base_seconds=0.001))
        assert time.monotonic() - began < 5
    assert raised.value.attempts == 1


def test_a_certificate_that_is_not_trusted(ask: Ask, tmp_path: Path) -> None:
    with _TlsServer(tmp_path) as url, pytest.raises(errors.CertificateInvalid, match="was not accepted"):
        ask(url)


class _TlsServer:
    """A server on loopback with a certificate of its own."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        now = datetime.now(UTC)
        built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        built = built.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
        certificate = built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / "both.pem").write_bytes(private + certificate)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / "both.pem")

    def __enter__(self) -> str:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = Thread(target=self._run)
        self._thread.start()
        return f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def _run(self) -> None:
        connection, _ = self._listener.accept()
        with connection, pytest.raises(ssl.SSLError):
            self._context.wrap_socket(connection, server_side=True)

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._listener.close()


# ------------------------------------------------------------------------------------------- not the API of vectord


def test_a_page_of_html_that_is_not_found(ask: Ask) -> None:
    error = _failure(ask, NotVectord, answer(404, b"<html><body>404 Not Found</body></html>"))
    assert "There is no vectord API at this URL" in str(error)
    assert "404 Not Found" in str(error)


def test_a_stage_that_does_not_exist(ask: Ask) -> None:
    error = _failure(ask, NotVectord, answer(404, {"message": "Not Found"}))
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
    error = _failure(
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
    _failure(ask, AnswerInvalid, answer(200, gzip.compress(bytes(80 << 20)), {"content-encoding": "gzip"}))


def test_a_server_of_another_protocol(ask: Ask) -> None:
    error = _failure(ask, errors.ConnectionLost, b"SSH-2.0-OpenSSH_9.6\r\n")
    assert "does not speak HTTP" in str(error)


# -------------------------------------------------------------------------------------------------- damaged answers

CUT = {
    "content-length": answer(200, INFO, {"content-length": "1000"}),
    "chunked": answer(200, b'40\r\n{"index":', {"content-length": "", "transfer-encoding": "chunked"}),
    "gzip": answer(200, gzip.compress(msgspec.json.encode(INFO))[:-4], {"content-encoding": "gzip"}),
    "not gzip": answer(200, b"{}", {"content-encoding": "gzip"}),
    "json": answer(200, b'{"index": {"name": "fi'),
}


@pytest.mark.parametrize("cut", CUT.values(), ids=CUT)
def test_a_truncated_answer(ask: Ask, cut: bytes) -> None:
    _failure(ask, errors.AnswerTruncated, cut)


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
    _failure(ask, errors.ConnectionLost, None)


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


# ----------------------------------------------------------------------------------------- answers of API Gateway


def test_a_502_with_html(ask: Ask) -> None:
    error = _failure(ask, GatewayFailed, answer(502, b"<html>\n<h1>502 Bad Gateway</h1></html>"))
    assert (error.status, error.type) == (502, None)
    assert "502 Bad Gateway" in str(error)


def test_a_502_is_requested_again(ask: Ask) -> None:
    with raw_server(answer(502, b"<html>502</html>"), answer(200, INFO)) as server:
        assert ask(server.url, retries=RetryPolicy(base_seconds=0.001)).count == 7


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRefused),
        (413, errors.RequestTooLarge),
        (431, RequestRefused),
        (429, Throttled),
    ],
)
def test_other_answers_of_the_gateway(ask: Ask, status: int, kind: type[VectordError]) -> None:
    error = _failure(ask, kind, answer(status, {"message": "what the gateway says"}, {"apigw-requestid": "abc="}))
    assert (error.status, error.type, error.request_id) == (status, None, "abc=")
    assert "what the gateway says" in str(error)


@pytest.mark.parametrize(("seconds", "words"), [("86400", "24 hours"), ("90", "90 s"), ("600", "10 minutes")])
def test_a_wait_that_is_longer_than_the_timeout_is_named(ask: Ask, seconds: str, words: str) -> None:
    script = answer(429, {"message": "Too Many Requests"}, {"retry-after": seconds})
    with raw_server(script) as server, pytest.raises(Throttled, match=f"It asks to wait {words}"):
        ask(server.url, retries=RetryPolicy())
    assert len(server.requests) == 1


def test_an_expired_token(ask: Ask) -> None:
    why = 'Bearer scope="" error="invalid_token" error_description="the token has expired"'
    error = _failure(ask, AccessRefused, answer(401, {"message": "Unauthorized"}, {"www-authenticate": why}))
    assert "the token has expired" in str(error)
    assert "a callable" in str(error)


def test_a_policy_that_does_not_allow_it(ask: Ask) -> None:
    error = _failure(ask, AccessRefused, answer(403, {"message": "Forbidden"}))
    assert error.status == 403
    assert "policy" in str(error)


@pytest.mark.parametrize(
    ("minutes", "words"), [(-17, "17 minutes ahead of"), (9, "9 minutes behind"), (180, "3 hours behind")]
)
def test_a_clock_that_is_wrong(ask: Ask, minutes: int, words: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    said = {"message": "Signature expired: 20261128T100000Z is now earlier than 20261128T101200Z"}
    error = _failure(ask, ClockSkewed, answer(403, said, {"date": date}))
    assert isinstance(error, ClockSkewed)
    assert error.seconds == pytest.approx(-60 * minutes, abs=30)
    assert words in str(error)
    assert "Signature expired" in str(error)


def test_a_clock_that_is_right_is_not_the_cause(ask: Ask) -> None:
    date = format_datetime(datetime.now(UTC) - timedelta(minutes=3), usegmt=True)
    _failure(ask, AccessRefused, answer(403, {"message": "Forbidden"}, {"date": date}))
