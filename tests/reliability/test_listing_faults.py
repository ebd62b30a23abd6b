"""A listing of indexes over several pages is complete or an error."""

from collections.abc import Iterator
from time import monotonic

import pytest

from tests.reliability.run import LONG, chance, figure, most
from tests.support import faults
from tests.support.backends import S3Backend
from tests.support.faults import Fault
from tests.support.faults_boto import READ, SLACK, a_listing_service
from tests.support.faults_once import ONCE, nth
from tests.support.faults_schedule import Schedule
from tests.support.faults_service import TIMEOUTS
from tools.proxy.exchange import Exchange
from tools.proxy.server import Proxy, proxy
from vectord.errors import StorageSilent
from vectord.service.service import Service
from vectord.service.values.environment import RetryPolicy
from vectord.service.values.options import Deadline

NAMES = [f"index-{number:02}" for number in range(20)]
PAGE, PAGES = 7, 4  # of keys, some of which are not indexes
READS = 400 if LONG else 15
STEP = 7 if LONG else 250  # bytes from cut to cut
BUDGET = 2.0


@pytest.fixture(scope="module")
def bucket(endpoint: str) -> S3Backend:
    """A bucket with a few indexes and with other keys."""
    made = S3Backend(endpoint)
    for name in NAMES:
        made.seed(name, b"")
    for key in ("index-03.txt", "index-11.lhv1.bak", "of/shards.lhv1", "index-zz"):
        made.write(f"{made.prefix}/{key}", b"")
    return made


@pytest.fixture(scope="module")
def listed(bucket: S3Backend) -> Iterator[Proxy]:
    with proxy(bucket.endpoint) as before:
        yield before


@pytest.fixture
def proxied(listed: Proxy) -> Proxy:
    listed.settle()
    return listed


@pytest.fixture
def service(bucket: S3Backend, proxied: Proxy) -> Service:
    return a_listing_service(bucket, proxied.endpoint, PAGE)


def names(service: Service, until: float, limit: int = 1_000, after: str | None = None) -> tuple[list[str], str | None]:
    page = service.list_indexes("index", limit, after, Deadline(until))
    return [one.name for one in page.objects], page.after


@pytest.mark.parametrize("fault", [name for name in ONCE if name != "409"])
@pytest.mark.parametrize("number", range(1, PAGES + 1))
def test_a_fault_at_one_page_of_a_listing_is_retried(proxied: Proxy, service: Service, number: int, fault: str) -> None:
    proxied.operations.clear()
    proxied.choose = nth("list", number, ONCE[fault])
    assert names(service, monotonic() + 10) == (NAMES, None)
    assert proxied.operations["list"] >= PAGES
    figure("single faults of boto3's requests")


@pytest.mark.parametrize("how", ["the connection ends", "the length is shorter"])
@pytest.mark.parametrize("number", [1, PAGES])
def test_a_page_cut_at_any_byte_is_never_accepted_as_whole(
    proxied: Proxy, service: Service, number: int, how: str
) -> None:
    lengths: list[int] = []
    cut = chance("page", number, how).randrange(STEP)
    while not lengths or cut < lengths[-1]:
        proxied.choose = nth("list", number, faults.ends_at(cut, how, lengths))
        assert names(service, monotonic() + 10) == (NAMES, None), cut
        figure("pages of listings cut at a byte")
        cut += STEP


@pytest.mark.parametrize("number", [1, 2, PAGES])
def test_a_page_without_a_body_is_never_accepted_as_whole(proxied: Proxy, service: Service, number: int) -> None:
    def fault(exchange: Exchange) -> None:
        reply = exchange.forward()
        exchange.answer(reply, len(reply.wire) - len(reply.body))

    proxied.choose = nth("list", number, fault)
    assert names(service, monotonic() + 10) == (NAMES, None)


def test_listings_under_seeded_faults_are_whole_or_storage_silent(proxied: Proxy, service: Service) -> None:
    proxied.choose = schedule = Schedule(chance("listing").getrandbits(64), 0.25, TIMEOUTS)
    drawn = chance("limits")
    read = 0
    while read < READS or schedule.dealt.total() <= READS / 4:
        read += 1
        after = drawn.choice([None, *NAMES])
        limit = drawn.choice([1, PAGE, 15, 1_000])
        rest = NAMES if after is None else NAMES[NAMES.index(after) + 1 :]
        start = monotonic()
        try:
            found, cursor = names(service, start + BUDGET, limit, after)
        except StorageSilent:
            figure("listings under seeded faults that had no answer")
        else:
            assert found == rest[:limit]
            assert cursor == (found[-1] if len(rest) > limit else None)
            figure("listings under seeded faults")
        most("seconds after the deadline, listings", monotonic() - start - BUDGET)
        assert monotonic() - start < BUDGET + SLACK
    figure("seeded faults of boto3's requests", schedule.dealt.total())


SILENCES: dict[str, Fault] = {
    "503": faults.refuses(503, "SlowDown"),
    "resets": faults.loses_request,
    "no answer": faults.delays(READ * 2),
    "half answers": faults.cuts_answer(0.5),
}


@pytest.mark.parametrize("silence", SILENCES)
def test_a_listing_ends_in_time_when_storage_does_not_answer(bucket: S3Backend, proxied: Proxy, silence: str) -> None:
    service = a_listing_service(bucket, proxied.endpoint, PAGE, RetryPolicy(max_attempts=10_000, base=0.005, cap=0.05))
    proxied.choose = lambda _: SILENCES[silence]
    start = monotonic()
    with pytest.raises(StorageSilent):
        names(service, start + 0.5)
    assert 0.3 < monotonic() - start < 0.5 + SLACK
