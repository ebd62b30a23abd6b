"""No connection: an unknown host, a closed port, TLS where the server has none, a certificate that is not trusted."""

import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.core.asking import INFO, Ask
from tests.support.raw_server import answer, raw_server

from vectord_client import RetryPolicy, errors


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
