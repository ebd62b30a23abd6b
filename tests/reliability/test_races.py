"""Processes that race for one index lose nothing, and no result shows a state that was never written."""

import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest
from msgspec import structs

from tests.reliability import model, processes, roles
from tests.reliability.processes import Folder, Place
from tests.reliability.run import LONG, chance, figure
from tests.support.faults_service import PACKED, PLAIN, Bucket
from vectord.errors import IndexNotFound
from vectord.index.thresholds import Thresholds
from vectord.service.values.options import Deadline, NewIndex

FORMS = {"plain": PLAIN, "packed": PACKED}
WRITERS, BATCHES = (8, 50) if LONG else (8, 5)
NAMES = 200 if LONG else 8
LIVES = 20 if LONG else 2
COMMITS, READERS, ROWS = (1_000, 3, 12) if LONG else (40, 3, 12)


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> Thresholds:
    return FORMS[request.param]


@pytest.fixture(params=["bucket", "folder"])
def place(request: pytest.FixtureRequest, form: Thresholds) -> Iterator[Place]:
    folder = processes.folder()
    if request.param == "folder":
        yield Place("", None, "", folder, form)
    else:
        bucket: Bucket = request.getfixturevalue("bucket")
        yield Place(bucket.endpoint, bucket.bucket, bucket.prefix, folder, form)
    shutil.rmtree(folder)


@pytest.fixture
def stored(place: Place, request: pytest.FixtureRequest) -> Bucket | Folder:
    """What the processes write to: the bucket or the folder of the place."""
    return Folder(place) if place.bucket is None else request.getfixturevalue("bucket")


def create(place: Place, dimension: int = roles.DIMENSION) -> None:
    place.service(99).create(NewIndex("t", dimension, m=2), Deadline(processes.until()))


def test_concurrent_batches_are_all_stored_one_after_the_other(stored: Bucket | Folder, place: Place) -> None:
    create(place)
    stored.keep_versions()
    start = processes.starts().Barrier(WRITERS)
    with processes.running(roles.adder, *((place, one, BATCHES, 1 + one % 3, start) for one in range(WRITERS))) as some:
        processes.all_done(some)
    done = {one: [line for line in place.journal(f"w{one}").read() if "done" in line] for one in range(WRITERS)}
    expected: model.State = {}
    for one, lines in done.items():
        assert [line["done"] for line in lines] == list(range(BATCHES))
        for line in lines:
            expected = roles.batch(f"w{one}", line["done"], 1 + one % 3).on(expected)
    figure("batches of racing processes", WRITERS * BATCHES)
    assert model.read(stored.objects()["t"]) == expected
    # Each batch followed the one before it, without a gap.
    chain = sorted((line["count"], line["added"]) for lines in done.values() for line in lines)
    assert [count for count, _ in chain] == [sum(added for _, added in chain[: n + 1]) for n in range(len(chain))]
    # A commit has one batch, or several of writers that waited.
    commits = stored.versions("t") - 1
    figure("commits of these batches", commits)
    assert len({line["etag"] for lines in done.values() for line in lines}) <= commits <= WRITERS * BATCHES


def test_one_of_many_racing_creators_wins(stored: Bucket | Folder, place: Place) -> None:
    start = processes.starts().Barrier(WRITERS)
    with processes.running(roles.creator, *((place, one, NAMES, start) for one in range(WRITERS))) as some:
        processes.all_done(some)
    won = [line for one in range(WRITERS) for line in place.journal(f"w{one}").read() if line["won"]]
    figure("names that creators raced for", NAMES)
    assert sorted(line["name"] for line in won) == list(range(NAMES))
    for line in won:
        found = place.service(99).describe(f"n{line['name']}", Deadline(processes.until()))
        assert (found.params.dimension, found.count) == (line["dimension"], 0)


def test_an_index_deleted_under_writers_stays_deleted(stored: Bucket | Folder, place: Place) -> None:
    writers = 4
    for life in range(LIVES):
        create(place)
        start = processes.starts().Barrier(writers + 1)
        with processes.running(roles.adder_until_gone, *((place, one, life, start) for one in range(writers))) as some:
            start.wait()
            pause = processes.starts().Event()
            pause.wait(chance("delete", life).uniform(0, 0.4))
            place.service(98).delete_index("t", Deadline(processes.until()))
            assert "t" not in stored.objects()
            processes.all_done(some, 30)
        assert "t" not in stored.objects()
        with pytest.raises(IndexNotFound):
            place.service(99).describe("t", Deadline(processes.until()))
        lines = [line for one in range(writers) for line in place.journal(f"w{one}").read() if line["life"] == life]
        counts = sorted(line["count"] for line in lines if "done" in line)
        # A batch that waited may have been committed before the deletion, without an answer to its writer.
        assert set(counts) <= {2 * (number + 1) for number in range(len(counts) + writers)}
        assert len(set(counts)) == len(counts)
        assert sum("gone" in line for line in lines) == writers
        figure("deletions under writers")
        figure("batches acknowledged before a deletion", len(counts))
    create(place)
    assert place.service(99).describe("t", Deadline(processes.until())).count == 0


def test_every_result_during_many_commits_is_a_committed_state(stored: Bucket | Folder, place: Place) -> None:
    place = replace(place, sizes=structs.replace(place.sizes, tail_rows=200))  # rebuilt from time to time
    create(place, roles.WIDE)
    roles.generation(0, ROWS).by(place.service(99), processes.until())
    acknowledged = processes.starts().Value("i", 0)
    readers = ((place, one, COMMITS, ROWS, acknowledged) for one in range(READERS))
    with (
        processes.running(roles.generations, (place, COMMITS, ROWS, acknowledged)) as writer,
        processes.running(roles.reader, *readers) as some,
    ):
        processes.all_done(writer)
        processes.all_done(some)
    written = {line["etag"]: line["generation"] for line in place.journal("writer").read()}
    assert len(written) == COMMITS
    for one in range(READERS):
        lines = place.journal(f"r{one}").read()
        assert [line["fault"] for line in lines if "fault" in line] == []
        seen = [line for line in lines if "generation" in line]
        assert all(written.get(line["etag"], 0) == line["generation"] for line in seen)
        figure("searches during commits", len(seen))
        figure("generations that searches saw", len({line["generation"] for line in seen}))
    figure("commits under searches", COMMITS)
