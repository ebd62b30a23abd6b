"""Writers killed at any moment leave whole batches behind: all that were acknowledged, and perhaps the last one."""

import shutil
from collections.abc import Callable, Iterator
from time import sleep
from typing import NamedTuple

import pytest

from tests.reliability import model, processes, roles
from tests.reliability.processes import Folder, Place
from tests.reliability.run import LONG, chance, figure
from tests.support import faults
from tests.support.faults import Fault
from tests.support.faults_service import PACKED, PLAIN, Bucket
from tests.support.hostile import take_apart
from tools.proxy.exchange import Exchange
from tools.proxy.server import Proxy, proxy
from vectord.service.values.options import Deadline, NewIndex

FORMS = {"plain": PLAIN, "packed": PACKED}
KILLS = 100 if LONG else 8  # of each form
WRITERS, SIZE = 2, 3
BUILD_KILLS, ROWS = (60 if LONG else 6), 1_000  # of a build; the rows of the index


@pytest.fixture
def proxied(bucket: Bucket) -> Iterator[Proxy]:
    """A proxy that makes requests take about as long as they do at work, so that kills meet each step."""
    with proxy(bucket.endpoint) as before:
        waits = chance("kills", "proxy")

        def choose(_: Exchange) -> Fault:
            return waits.choice([faults.delays, faults.delays_reply])(waits.uniform(0, 0.02))

        before.choose = choose
        yield before


class Setting(NamedTuple):
    """The place as writers that are killed reach it and as others do, and what waits until nothing is on its way."""

    behind: Place
    straight: Place
    stored: Bucket | Folder
    settle: Callable[[], object]


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["bucket", "folder"])
def setting(request: pytest.FixtureRequest, form: str) -> Iterator[Setting]:
    folder = processes.folder()
    if request.param == "folder":
        place = Place("", None, "", folder, FORMS[form])
        yield Setting(place, place, Folder(place), lambda: None)
    else:
        bucket, proxied = request.getfixturevalue("bucket"), request.getfixturevalue("proxied")
        behind, straight = (
            Place(end.endpoint, bucket.bucket, bucket.prefix, folder, FORMS[form]) for end in (proxied, bucket)
        )
        yield Setting(behind, straight, bucket, proxied.settle)
    shutil.rmtree(folder)


def test_killed_writers_leave_acknowledged_batches_and_at_most_those_in_flight(setting: Setting, form: str) -> None:
    behind, straight = setting.behind, setting.straight
    straight.service(99).create(NewIndex("t", roles.DIMENSION, m=2), Deadline(processes.until()))
    moments, state = chance("kills", form), {}
    for life in range(KILLS // WRITERS):
        started = [processes.starts().Event() for _ in range(WRITERS)]
        writers = ((behind, one, life, SIZE, started[one]) for one in range(WRITERS))
        with processes.running(roles.adder_to_be_killed, *writers) as some:
            for event in started:
                assert event.wait(30)
            for process in some:
                sleep(moments.uniform(0, 0.15))
                assert process.is_alive()
                process.kill()
        setting.settle()
        found = model.read(setting.stored.objects()["t"])
        for one in range(WRITERS):
            state = _with_batches(
                state, found, [line for line in behind.journal(f"k{one}").read() if line["life"] == life], one
            )
        assert found == state
        figure("writers killed", WRITERS)
    model.holds(
        straight.service(99),
        state,
        list(state)[::7],
        model.Asked(model.vector(1, roles.DIMENSION), 9, "cosine"),
        processes.until(),
    )


@pytest.mark.parametrize("form", ["packed"], indirect=True)
def test_a_killed_build_leaves_the_index_as_it_was(setting: Setting) -> None:
    behind, straight = setting.behind, setting.straight
    service, moments = straight.service(99), chance("kills", "build")
    service.create(NewIndex("t", roles.DIMENSION, m=2), Deadline(processes.until()))
    state: model.State = {}
    for life in range(BUILD_KILLS):
        batch = roles.batch("rows", life, 1 if life else ROWS)
        service.add("t", model.entries(*batch.rows), Deadline(processes.until()))
        state = batch.on(state)
        before = setting.stored.objects()["t"]
        started = processes.starts().Event()
        with processes.running(roles.builder, (behind, started)) as [process]:
            assert started.wait(30)
            process.join(moments.uniform(0, 2))
            figure("builds killed", process.is_alive())
            process.kill()
        setting.settle()
        after = setting.stored.objects()["t"]
        figure("builds killed before their commit", before == after)
        assert model.read(after) == state
    with processes.running(roles.builder, (straight, processes.starts().Event())) as some:
        processes.all_done(some)
    envelope = take_apart(setting.stored.objects()["t"]).envelope
    assert envelope["parts"]["partitions"] >= 2
    assert model.read(setting.stored.objects()["t"]) == state


def _with_batches(state: model.State, found: model.State, lines: list[dict[str, int]], number: int) -> model.State:
    """Return `state` with what one life of a writer acknowledged, and what it had in flight if it is in `found`."""
    assert [line["fault"] for line in lines if "fault" in line] == []
    done = [line["done"] for line in lines if "done" in line]
    tried = [line["attempts"] for line in lines if "attempts" in line]
    figure("batches acknowledged before a kill", len(done))
    for one in tried:
        batch = roles.batch(f"k{number}-{lines[0]['life']}", one, SIZE)
        flight = one not in done
        if not flight or batch.rows[0][0] in (found or {}):
            state = batch.on(state)
            figure("batches in flight at a kill that are there", flight)
        else:
            figure("batches in flight at a kill that are not there")
    assert len(tried) - len(done) <= 1
    return state
