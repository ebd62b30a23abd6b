"""A source, a destination, and a migration between them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api import Api
from tests.support.backends import CREDENTIALS
from tests.support.migration import (
    DIMENSION,
    Move,
)
from tests.support.moto_vectors import MotoVectors, moto_vectors
from tests.support.s3vectors import ARN_PREFIX
from tests.support.served import Served, served


@pytest.fixture
def source() -> Iterator[MotoVectors]:
    with moto_vectors() as made:
        made.client.create_vector_bucket(vectorBucketName="films", tags={"team": "search"})
        made.client.create_index(
            vectorBucketName="films",
            indexName="plots",
            dataType="float32",
            dimension=DIMENSION,
            distanceMetric="euclidean",
            metadataConfiguration={"nonFilterableMetadataKeys": ["plot"]},
            tags={"kind": "text"},
        )
        yield made


@pytest.fixture
def target(ephemeral: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("VECTORD_ARN_PREFIX", ARN_PREFIX)
    with served(ephemeral) as found:
        yield found


@pytest.fixture
def move(source: MotoVectors, target: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Move:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    return Move(source, target, tmp_path / "state.json")
