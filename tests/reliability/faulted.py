"""The small index whose requests meet faults: its rows, a change of it, a query, and what is stored of it."""

from time import monotonic

from tests.reliability import model
from tests.reliability.model import Add, Asked, Create
from tests.support.backends import S3Backend
from tests.support.faults_service import PACKED, PLAIN, a_service
from tools.proxy.server import Proxy
from vectord.index.thresholds import Thresholds

DIMENSION = 33
ROWS = tuple((f"id {number}", model.components(number, DIMENSION), b'{"n":%d}' % number) for number in range(30))
# More bytes than a reader's first request returns.
MANY = tuple((f"id {number}", model.components(number, DIMENSION), None) for number in range(700))
MORE = Add(tuple((f"id {number}", model.components(100 + number, DIMENSION), None) for number in range(25, 33)))
ASKED = Asked(model.vector(7, DIMENSION), 10, "cosine")
IDS = [f"id {number}" for number in range(34)]
FORMS = {"plain": PLAIN, "packed": PACKED}


def filled(bucket: S3Backend, sizes: Thresholds, rows: model.Rows = ROWS) -> model.State:
    service = a_service(bucket, sizes=sizes)
    state: model.State = None
    for change in (Create(DIMENSION, "cosine"), Add(rows)):
        assert model.made(change, service, monotonic() + 60) == change.outcome(state)
        state = change.on(state)
    return state


def settled(bucket: S3Backend, proxied: Proxy) -> model.State:
    """Return what the bucket holds once nothing is on its way."""
    proxied.settle()
    return model.read(bucket.objects()["t"]) if "t" in bucket.objects() else None
