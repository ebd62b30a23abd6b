"""The S3 emulator that contract and integration tests share, and what they all need to start quickly."""

import gc
from collections.abc import Generator, Iterator, Mapping

import pytest
from hypothesis import HealthCheck, settings

QUICK_EXAMPLES = 50  # random cases of a property in `make test`; hypothesis's default is 100


def pytest_configure(config: pytest.Config) -> None:
    """Let no property fail because the machine is slow; draw fewer random cases in a run without the slow tests."""
    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")
    if config.getoption("markexpr") == "not slow":
        settings.register_profile("quick", max_examples=QUICK_EXAMPLES)
        settings.load_profile("quick")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect tests without collecting garbage: the thousands of tests stay, and each pass would visit them all."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)  # tests make few cycles, and fixtures hold many objects
        gc.enable()


def pytest_unconfigure() -> None:
    """Let the interpreter free all objects when it ends, because DuckDB prints those that are left."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """Yield the URL of moto's S3. It starts slowly, so tests share it; each test has its own bucket."""
    from tests.support.backends import moto_server  # loads boto3 and flask, which most tests do not need

    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def one_authority(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Return variables by which a machine has one certificate authority.

    Each client of obstore reads all of them, even for plain HTTP, which takes 7 ms.
    """
    import certifi

    end = "-----END CERTIFICATE-----\n"
    folder = tmp_path_factory.mktemp("authorities")
    (folder / "one.pem").write_text(certifi.contents().partition(end)[0] + end)
    return {"SSL_CERT_FILE": str(folder / "one.pem"), "SSL_CERT_DIR": str(folder / "none")}
