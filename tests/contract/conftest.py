"""The backends that every store test runs against."""

import os
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support import http_server
from tests.support.backends import CONFUSING, CREDENTIALS, Backend, FileBackend, MemoryBackend, S3Backend, s3_store
from tests.support.http_server import ScriptedServer
from tests.support.multipart import MultipartScript
from vectord.storage.s3.store import S3Store

ENDPOINT = "VECTORD_TEST_S3_ENDPOINT"


@pytest.fixture
def aws_environment(one_authority: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CONFUSING:
        monkeypatch.delenv(name, raising=False)
    for name, value in {**CREDENTIALS, **one_authority}.items():
        monkeypatch.setenv(name, value)


# Another S3 to test, such as http://127.0.0.1:4566. Conditional writes are not atomic in moto; there they may be.
EMULATORS = ["moto", "endpoint"] if os.environ.get(ENDPOINT) else ["moto"]


def pytest_report_header() -> str:
    return f"{ENDPOINT}: {os.environ.get(ENDPOINT) or 'not set, so the S3 store is tested only on moto'}"


@pytest.fixture(params=EMULATORS)
def s3(request: pytest.FixtureRequest, aws_environment: None) -> S3Backend:
    return _s3(request)


@pytest.fixture(params=["memory", "files", *EMULATORS])
def backend(request: pytest.FixtureRequest, aws_environment: None) -> Backend:
    return _backend(request)


@pytest.fixture(params=[name for name in ["memory", "files", *EMULATORS] if name != "moto"])
def strict(request: pytest.FixtureRequest, aws_environment: None) -> Backend:
    """A backend that checks the conditions of multipart uploads; moto ignores them."""
    return _backend(request)


@pytest.fixture(params=["memory", *EMULATORS])
def thinned(request: pytest.FixtureRequest, aws_environment: None) -> Backend:
    """A backend that keeps versions until they are removed; a folder keeps them by its own settings."""
    backend = _backend(request)
    backend.keep_versions()
    return backend


@pytest.fixture(params=["memory", *(name for name in EMULATORS if name != "moto")])
def strictly_thinned(request: pytest.FixtureRequest, aws_environment: None) -> Backend:
    """The same without moto, which lists deletions last."""
    backend = _backend(request)
    backend.keep_versions()
    return backend


@pytest.fixture
def versioned(backend: Backend) -> Backend:
    """A backend that keeps versions."""
    backend.keep_versions()
    return backend


@pytest.fixture
def strictly_versioned(strict: Backend) -> Backend:
    """A strict backend that keeps versions; moto lists deletions last and ignores the conditions of copies."""
    strict.keep_versions()
    return strict


def _backend(request: pytest.FixtureRequest) -> Backend:
    if request.param == "memory":
        return MemoryBackend()
    if request.param == "files":
        return FileBackend(request.getfixturevalue("tmp_path") / "store")
    return _s3(request)


def _s3(request: pytest.FixtureRequest) -> S3Backend:
    if request.param == "endpoint":
        return S3Backend(os.environ[ENDPOINT])
    return S3Backend(request.getfixturevalue("moto"))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with http_server.scripted_server() as server:
        yield server


@pytest.fixture
def store(server: ScriptedServer, aws_environment: None) -> S3Store:
    """A store whose requests reach `server`."""
    return s3_store(server.endpoint, "bucket", "_vectors")


@pytest.fixture
def script(server: ScriptedServer) -> MultipartScript:
    """Have `server` answer the steps of a multipart upload."""
    server.answer = script = MultipartScript()
    return script


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A file with a certificate of 127.0.0.1, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now, host = datetime.now(UTC), x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    signed = builder.serial_number(1).add_extension(host, critical=False).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path / "certificate.pem"
    file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def secure(certificate: Path) -> Iterator[ScriptedServer]:
    """Serve over TLS with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with http_server.scripted_server(context) as server:
        yield server
