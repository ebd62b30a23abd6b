"""tools.migrate copies an index from moto's S3 Vectors into vectord, whatever interrupts it."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.backends import CREDENTIALS
from tests.support.moto_vectors import MotoVectors, moto_as_released, moto_vectors
from tests.support.s3vectors import ARN_PREFIX
from tests.support.served import Served, served
from tools.command.errors import CheckFailed, MigrationFailed
from tools.migrate import rows as rows_module
from tools.migrate.connect import sender, session, vectors_client
from tools.migrate.copying import Progress
from tools.migrate.destination import Destination
from tools.migrate.migration import Places, migrate
from tools.migrate.rows import Rows, Unreachable
from tools.migrate.source import Address, Source
from tools.migrate.verify import Outcome

pytestmark = pytest.mark.slow  # a source on loopback with thousands of vectors

ROOT = Path(__file__).parents[2]
FILMS = Address("films", "plots")
DIMENSION, COUNT, SEGMENTS = 4, 2_500, 5
METADATA: Mapping[str, Any] = {
    "year": 1979,
    "rate": 7.5,
    "seen": True,
    "tags": ["a", "ü"],
    "title": "Solaris 🚀",
    "zero": 0,
}


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


def key(number: int) -> str:
    return f"película/{number:05} {'?%#'[number % 3]}"


def fill(source: MotoVectors, count: int = COUNT, first: int = 0) -> None:
    for start in range(first, first + count, 500):
        numbers = range(start, min(start + 500, first + count))
        source.client.put_vectors(
            vectorBucketName="films", indexName="plots", vectors=[vector(number) for number in numbers]
        )


def vector(number: int) -> dict[str, Any]:
    """Return the vector with a number; each third one has no metadata."""
    found: dict[str, Any] = {"key": key(number), "data": {"float32": [number / 7, 0.1, -number, 1e-7]}}
    return found | ({"metadata": {**METADATA, "number": number}} if number % 3 else {})


class Report:
    """What a migration reported."""

    def __init__(self, after_copy: Callable[[], None]) -> None:
        self.said: list[str] = []
        self.progress: list[Progress] = []
        self._after_copy = after_copy

    def say(self, message: str) -> None:
        self.said.append(message)

    def copied(self, progress: Progress) -> None:
        complete = progress.done == progress.segments
        if complete and not (self.progress and self.progress[-1].done == progress.done):
            self._after_copy()
        self.progress.append(progress)

    def checked(self, keys: int) -> None:
        """Show nothing."""


class Move:
    """A migration in this process: its state file, and what it reported."""

    def __init__(self, source: MotoVectors, target: Served, state: Path) -> None:
        self.source, self.state, self.most_rows = source, state, rows_module.MAX_ROWS
        self.after_copy: Callable[[], None] = lambda: None
        made = session(None, "us-east-1")
        control = vectors_client(made, target.url, "execute-api", unsigned=True)
        self.send = sender(made, target.url, "none")
        self.places = Places(source.endpoint, target.url)
        self.destination = Destination(control, FILMS, self.rows(self.send))

    def rows(self, send: rows_module.Send) -> Rows:
        return Rows(send, "films_plots", most_rows=self.most_rows, sleep=lambda _: None)

    def run(self) -> Outcome:
        self.report = Report(self.after_copy)
        return migrate(
            Source(self.source.client, FILMS),
            self.destination,
            self.places,
            state=self.state,
            segments=SEGMENTS,
            report=self.report,
        )

    def fail_after(self, adds: int, with_status: int | None = None) -> None:
        """Answer only the first adds; then there is no answer, or a status."""
        left = iter(range(adds))

        def send(method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> tuple[int, bytes]:
            if path.endswith("/vectors") and next(left, None) is None:
                if with_status is None:
                    raise Unreachable("the line is dead")
                return with_status, b'{"message": "no"}'
            return self.send(method, path, headers, body)

        self.destination.rows = self.rows(send)

    def recover(self) -> None:
        self.destination.rows = self.rows(self.send)


@pytest.fixture
def move(source: MotoVectors, target: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Move:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    return Move(source, target, tmp_path / "state.json")


def listed(target: Served, name: str = "films_plots") -> dict[str, Any]:
    """Return every row of the copy by its key."""
    send = sender(session(None, "us-east-1"), target.url, "none")
    rows: dict[str, Any] = {}
    cursor = ""
    while True:
        path = f"/indexes/{name}/vectors?limit=1000&include=metadata,vector{cursor}"
        status, answer = send("GET", path, {}, None)
        assert status == 200, answer
        page = json.loads(answer)
        rows |= {one["id"]: one for one in page["vectors"]}
        if page["next"] is None:
            return rows
        cursor = f"&cursor={page['next']}"


def as_float32(values: list[float]) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


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


def test_a_run_that_failed_is_continued_where_it_ended(move: Move, source: MotoVectors, target: Served) -> None:
    source.page_bytes = 15_000
    fill(source)
    move.most_rows = 100
    move.fail_after(12)
    with pytest.raises(MigrationFailed, match="the line is dead"):
        move.run()
    copied = sum(one["rows"] for one in json.loads(move.state.read_text())["segments"])
    assert 500 <= copied <= 1_200
    move.recover()
    target.requests.clear()
    assert move.run().equal
    assert f"continuing after {copied:,} vectors" in "\n".join(move.report.said)
    assert len(listed(target)) == COUNT
    assert move.report.progress[-1].rows_now == COUNT - copied
    assert target.requests.count("POST /indexes/films_plots/vectors") == -(-(COUNT - copied) // 100)


def test_a_copy_that_was_deleted_meanwhile_is_begun_from_the_start(
    move: Move, source: MotoVectors, target: Served
) -> None:
    source.page_bytes = 15_000
    fill(source)
    move.most_rows = 100
    move.fail_after(12)
    with pytest.raises(MigrationFailed):
        move.run()
    move.destination.client.delete_index(vectorBucketName="films", indexName="plots")
    move.recover()
    assert move.run().equal
    assert "the copy that was begun does not exist any more: copying from the start" in move.report.said
    assert len(listed(target)) == COUNT


def test_a_refused_token_restarts_its_segment(move: Move, source: MotoVectors, target: Served) -> None:
    source.page_bytes = 15_000
    fill(source)
    move.most_rows = 100
    move.fail_after(12)
    with pytest.raises(MigrationFailed):
        move.run()
    source.expire_tokens()
    move.recover()
    assert move.run().equal
    assert move.report.progress[-1].restarted == SEGMENTS
    assert move.report.progress[-1].rows == COUNT
    assert len(listed(target)) == COUNT


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


def command(source: MotoVectors, target: Served, folder: Path, *more: str) -> subprocess.Popen[str]:
    """Start the command as a user does, with the state in `folder`."""
    arguments = ["films/plots", "--to", target.url, "--authorization", "none", "--endpoint-url", source.endpoint]
    arguments += ["--segments", "4", "--batch-rows", "100", "--state", str(folder / "state.json"), *more]
    return subprocess.Popen(
        [sys.executable, "-m", "tools.migrate", *arguments],
        cwd=ROOT,
        env={**os.environ, **CREDENTIALS, "AWS_CONFIG_FILE": os.devnull, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL])
def test_the_command_continues_after_a_signal(
    source: MotoVectors, target: Served, tmp_path: Path, signum: signal.Signals
) -> None:
    source.page_bytes = 15_000
    source.before_page = lambda _: time.sleep(0.1)
    fill(source)
    state = tmp_path / "state.json"
    running = command(source, target, tmp_path)
    wait_until(lambda: source.pages > 12)
    running.send_signal(signum)
    said, _ = running.communicate(timeout=30)
    if signum == signal.SIGINT:
        assert running.returncode == 130
    source.before_page = lambda _: None
    again = command(source, target, tmp_path, "--rows", str(COUNT))
    said, complaints = again.communicate(timeout=60)
    assert again.returncode == 0, complaints
    assert f"copied {COUNT:,} of {COUNT:,} vectors" in said
    assert "0 missing, 0 that the source does not have; 0 of 200 compared vectors differ" in said
    assert not state.exists()
