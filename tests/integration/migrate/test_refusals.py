"""What a migration refuses, repeats and reports, and what it says then."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.migration import DIMENSION, Move, fill, listed
from tests.support.moto_vectors import MotoVectors
from tests.support.served import Served
from tools.command.errors import MigrationFailed
from tools.migrate.migration import Places

pytestmark = pytest.mark.slow  # a source on loopback with thousands of vectors


def test_a_request_is_repeated_while_the_destination_is_busy(move: Move, source: MotoVectors) -> None:
    fill(source)
    answers = iter([(429, b"slow down"), (503, b'{"type": "urn:vectord:problem:contended"}')])
    calm = move.send

    def send(method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> tuple[int, bytes]:
        return next(answers, None) or calm(method, path, headers, body)

    move.destination.rows = move.rows(send)
    assert move.run().equal


def test_a_request_that_is_refused_is_not_repeated_and_says_why(move: Move, source: MotoVectors) -> None:
    fill(source, 10)
    move.fail_after(0, with_status=403)
    with pytest.raises(MigrationFailed, match=r"403 no \(sign with --authorization iam"):
        move.run()


def test_vectors_that_are_refused_are_named_by_the_beginning_of_their_keys(move: Move, source: MotoVectors) -> None:
    vectors = [{"key": "ü" * 600, "data": {"float32": [1, 2, 3, 4]}}]
    source.client.put_vectors(vectorBucketName="films", indexName="plots", vectors=vectors)
    with pytest.raises(MigrationFailed, match=r"'ü{40}'…: id must be 1 to 1,024 UTF-8 bytes, not 1,200"):
        move.run()


def test_an_index_that_does_not_exist_is_named(move: Move, source: MotoVectors) -> None:
    source.client.delete_index(vectorBucketName="films", indexName="plots")
    with pytest.raises(
        MigrationFailed, match=r"films/plots cannot be read: .*NotFoundException.*check the names, the region"
    ):
        move.run()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"dimension": 5}, "dimension 5, and the source has 4"),
        ({"distanceMetric": "cosine"}, "distance metric cosine, and the source has euclidean"),
        (
            {"metadataConfiguration": {"nonFilterableMetadataKeys": ["x"]}},
            r"keys \['x'\], and the source has \['plot'\]",
        ),
    ],
)
def test_a_destination_with_other_parameters_is_refused(move: Move, changed: Mapping[str, Any], said: str) -> None:
    client = move.destination.client
    client.create_vector_bucket(vectorBucketName="films")
    wanted = {
        "dataType": "float32",
        "dimension": DIMENSION,
        "distanceMetric": "euclidean",
        "metadataConfiguration": {"nonFilterableMetadataKeys": ["plot"]},
    }
    client.create_index(vectorBucketName="films", indexName="plots", **{**wanted, **changed})
    with pytest.raises(MigrationFailed, match=said):
        move.run()


def test_a_name_that_a_native_index_has_is_refused(move: Move, ephemeral: Api) -> None:
    ephemeral.create("films_plots", DIMENSION)
    with pytest.raises(MigrationFailed, match="the name films_plots is taken"):
        move.run()


def test_the_state_of_another_migration_is_refused(move: Move, source: MotoVectors) -> None:
    source.page_bytes = 15_000
    fill(source)
    move.most_rows = 100
    move.fail_after(3)
    with pytest.raises(MigrationFailed):
        move.run()
    move.places = Places(source.endpoint, "https://other.example")
    with pytest.raises(MigrationFailed, match="is the state of another migration"):
        move.run()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 1, "segments": [{"no": 1}]}'])
def test_a_damaged_state_is_refused(move: Move, text: str) -> None:
    move.state.write_text(text)
    with pytest.raises(MigrationFailed, match="delete it to copy from the start"):
        move.run()


def test_a_state_that_cannot_be_read_is_refused(move: Move) -> None:
    move.state.mkdir()
    with pytest.raises(MigrationFailed, match=r"the state cannot be read: .*; name another file with --state"):
        move.run()


def test_a_state_that_cannot_be_written_is_reported_before_anything_is_copied(
    move: Move, source: MotoVectors, target: Served
) -> None:
    fill(source, 10)
    move.state.with_name("state.json.new").mkdir()
    with pytest.raises(MigrationFailed, match=r"the state cannot be written: .*; name another file with --state"):
        move.run()
    assert listed(target) == {}
