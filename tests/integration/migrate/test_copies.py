"""tools.migrate copies an index from moto's S3 Vectors into vectord."""

import dataclasses
import json
from pathlib import Path

import pytest

from tests.support.migration import (
    COUNT,
    DIMENSION,
    FILMS,
    SEGMENTS,
    Move,
    Report,
    as_float32,
    command,
    fill,
    key,
    listed,
    vector,
)
from tests.support.moto_vectors import MotoVectors, moto_as_released
from tests.support.served import Served
from tools.command.errors import CheckFailed, MigrationFailed
from tools.migrate import rows as rows_module
from tools.migrate.destination import Destination
from tools.migrate.migration import migrate
from tools.migrate.rows import Rows
from tools.migrate.source import Address, Source

pytestmark = pytest.mark.slow  # a source on loopback with thousands of vectors


def test_every_vector_arrives_byte_for_byte_with_its_metadata(move: Move, source: MotoVectors, target: Served) -> None:
    fill(source)
    outcome = move.run()
    assert (outcome.equal, outcome.source, outcome.compared) == (True, COUNT, 200)
    copied = listed(target)
    assert copied.keys() == {key(number) for number in range(COUNT)}
    for number in range(COUNT):
        sent, found = vector(number), copied[key(number)]
        assert as_float32(found["vector"]) == as_float32(sent["data"]["float32"])
        assert json.dumps(found["metadata"]) == json.dumps(sent.get("metadata", {}))


def test_the_copy_is_in_a_vector_bucket_with_configuration_and_tags(move: Move, source: MotoVectors) -> None:
    move.run()
    client = move.destination.client
    index = client.get_index(vectorBucketName="films", indexName="plots")["index"]
    assert (index["dimension"], index["distanceMetric"]) == (DIMENSION, "euclidean")
    assert index["metadataConfiguration"] == {"nonFilterableMetadataKeys": ["plot"]}
    bucket = client.get_vector_bucket(vectorBucketName="films")["vectorBucket"]
    found = [
        client.list_tags_for_resource(resourceArn=arn)["tags"] for arn in (bucket["vectorBucketArn"], index["indexArn"])
    ]
    assert found == [{"team": "search"}, {"kind": "text"}]


def test_text_search_configurations_are_copied(move: Move) -> None:
    """The source is vectord too, because moto has no text search."""
    client = move.destination.client
    client.create_vector_bucket(vectorBucketName="films")
    texts = [{"metadataKey": "plot", "language": "en"}, {"metadataKey": "title"}]
    client.create_index(
        vectorBucketName="films",
        indexName="plots",
        dataType="float32",
        dimension=DIMENSION,
        distanceMetric="cosine",
        metadataConfiguration={"textSearchConfigurations": texts},
    )
    wanted = Source(client, FILMS).describe()
    copy = Destination(client, Address("films", "copy"), move.rows(move.send))
    assert (copy.prepare(wanted).created, wanted.notes) == (True, ())
    found = client.get_index(vectorBucketName="films", indexName="copy")["index"]["metadataConfiguration"]
    assert found == {"textSearchConfigurations": [one | {"status": "ACTIVE"} for one in texts]}
    other = dataclasses.replace(wanted, text_search={"plot": "en"})
    with pytest.raises(MigrationFailed, match="searchable metadata keys"):
        copy.prepare(other)


def test_a_source_that_lists_everything_in_each_segment_is_read_once(target: Served, tmp_path: Path) -> None:
    with moto_as_released() as endpoint:
        released = MotoVectors(endpoint)
        released.client.create_vector_bucket(vectorBucketName="films")
        released.client.create_index(
            vectorBucketName="films",
            indexName="plots",
            dataType="float32",
            dimension=DIMENSION,
            distanceMetric="cosine",
        )
        fill(released)
        copied = command(released, target, tmp_path)
        said, complaints = copied.communicate(timeout=60)
    assert (copied.returncode, complaints) == (0, "")
    assert "2,500 vectors in the source, 2,500 in vectord; 0 missing, 0 that the source does not have" in said
    assert len(listed(target)) == COUNT


def test_a_sample_that_does_not_fit_into_one_answer_of_vectord_is_compared_in_parts(
    move: Move, source: MotoVectors, target: Served
) -> None:
    text = "x" * 70_000
    rows = [{"key": key(number), "data": {"float32": [1] * 4}, "metadata": {"text": text}} for number in range(100)]
    source.client.put_vectors(vectorBucketName="films", indexName="plots", vectors=rows)
    assert move.run().equal
    control = move.destination.client
    copies = Destination(control, Address("copies", "plots"), Rows(move.send, "copies_plots"))
    report = Report(lambda: None)
    outcome = migrate(Source(control, FILMS), copies, move.places, state=move.state, segments=2, report=report)
    assert (outcome.equal, outcome.compared) == (True, 100)


def test_vectord_is_a_source_too(move: Move, source: MotoVectors, target: Served) -> None:
    fill(source)
    assert move.run().equal
    control = move.destination.client
    copies = Destination(control, Address("copies", "plots"), Rows(move.send, "copies_plots"))
    report = Report(lambda: None)
    outcome = migrate(Source(control, FILMS), copies, move.places, state=move.state, segments=16, report=report)
    assert (outcome.equal, outcome.source) == (True, COUNT)
    assert listed(target, "copies_plots") == listed(target)


def test_an_empty_index_is_copied(move: Move, target: Served) -> None:
    outcome = move.run()
    assert (outcome.equal, outcome.source, outcome.destination) == (True, 0, 0)
    assert listed(target) == {}
    assert not move.state.exists()


def test_an_index_of_several_pages_in_each_segment_is_copied(move: Move, source: MotoVectors) -> None:
    source.page_bytes = 15_000
    fill(source)
    assert move.run().equal
    assert source.pages >= 4 * 2 * SEGMENTS / 2


def test_a_run_sends_few_large_batches_and_reports_its_progress(
    move: Move, source: MotoVectors, target: Served
) -> None:
    fill(source)
    move.run()
    assert target.requests.count("POST /indexes/films_plots/vectors") == 1
    last = move.report.progress[-1]
    assert (last.rows, last.rows_now, last.done, last.segments) == (COUNT, COUNT, SEGMENTS, SEGMENTS)


def test_vectors_that_are_added_and_deleted_meanwhile_are_reported(move: Move, source: MotoVectors) -> None:
    fill(source)
    deleted = [key(number) for number in range(10)]

    def change() -> None:
        source.client.delete_vectors(vectorBucketName="films", indexName="plots", keys=deleted)
        fill(source, 7, first=COUNT)

    move.after_copy = change
    with pytest.raises(CheckFailed, match=r"7 vectors are missing .* 10 vectors are not in the source"):
        move.run()
    assert "2,497 vectors in the source, 2,500 in vectord" in move.report.said[-1]


def test_a_second_run_copies_what_changed(move: Move, source: MotoVectors, target: Served) -> None:
    fill(source, 30)
    assert move.run().equal
    source.client.put_vectors(
        vectorBucketName="films", indexName="plots", vectors=[{"key": key(1), "data": {"float32": [1, 2, 3, 4]}}]
    )
    fill(source, 5, first=30)
    assert move.run().equal
    assert "films/plots: exists with 30 vectors; those with the same keys are replaced" in move.report.said
    copied = listed(target)
    assert (len(copied), copied[key(1)]["vector"], copied[key(1)]["metadata"]) == (35, [1, 2, 3, 4], {})


def test_other_metadata_in_the_copy_is_found(move: Move, source: MotoVectors, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(source, 50)
    monkeypatch.setattr(
        "tools.migrate.copying.encoded", lambda one: rows_module.encoded({**one, "metadata": {"year": 1}})
    )
    with pytest.raises(CheckFailed, match="vectors differ"):
        move.run()
