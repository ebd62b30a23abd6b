"""The stack that the clients are run on, over HTTP: the built template on MiniStack.

Its API accepts requests with any signature, or none; every function runs under its own role, whose policies are
enforced. The clients find it by AWS_ENDPOINT_URL_S3VECTORS alone. They call it two at a time, because MiniStack unpacks
180 MB for each instance of a function.
"""

import os
from collections.abc import Iterator, Mapping
from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.clients import rows
from tests.clients.bedrock import bedrock
from tests.clients.report import Report
from tests.clients.sources import FOLDER
from tools.command import interrupts
from tools.command.run import environment, scratch_folder
from tools.stack.stack import Stack, running_stack

# mem0 reads these when it is imported: it would report its use to its authors, and keep a file in the home folder.
os.environ |= {"MEM0_DIR": str(FOLDER / "mem0"), "MEM0_TELEMETRY": "False"}

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="fail if a test is skipped or deselected")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Report(), "clients")


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    interrupts.install()
    with scratch_folder() as folder, running_stack(folder, enforce=True) as started:
        yield started


@pytest.fixture(scope="session")
def variables(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Environment variables by which clients find the stack; the other services of AWS are MiniStack's."""
    with bedrock() as embeddings:
        endpoints = {
            "AWS_ENDPOINT_URL": stack.endpoint,
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": embeddings,
            "AWS_ENDPOINT_URL_S3VECTORS": stack.url,
        }
        yield environment(tmp_path_factory.mktemp("client")) | KEYS | endpoints


@pytest.fixture(scope="session")
def moto_variables(stack: Stack, variables: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """The same, but the vectors are in another implementation of the protocol, for comparison."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {**variables, "AWS_ENDPOINT_URL_S3VECTORS": f"http://{host}:{port}"}
    server.stop()


@pytest.fixture(scope="session", autouse=True)
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Let the clients in this process find the stack."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setitem(os.environ, name, value)
        yield


@pytest.fixture(scope="session")
def s3vectors(_environment: None) -> object:
    """A client as any program makes it."""
    return boto3.client("s3vectors")


@pytest.fixture
def bucket(s3vectors: object) -> str:
    """The name of a new vector bucket."""
    return new_bucket(s3vectors)


@pytest.fixture(scope="session")
def filled(s3vectors: object) -> tuple[str, str]:
    """The names of a vector bucket and of its index with the 2,500 rows, which no test changes."""
    name = new_bucket(s3vectors)
    rows.fill(s3vectors, name, "rows")
    return name, "rows"


def new_bucket(client: object) -> str:
    name = f"bucket-{uuid4()}"
    client.create_vector_bucket(vectorBucketName=name)
    return name
