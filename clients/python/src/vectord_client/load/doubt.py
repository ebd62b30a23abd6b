"""Find out whether a batch was applied that was sent before an interruption, and whose answer did not arrive.

The batch must not be applied again after others changed its rows. An index remembers the latest 256 requests with an
Idempotency-Key, in their order. So:

1. If it remembers the key of the batch, the batch was applied. Sending it again changes nothing, and returns the first
   answer. If the index has none of its rows, it was restored to an earlier state since.
2. If it does not, but it remembers keys that were acknowledged before the batch was sent, then the batch was never
   applied. It is sent as if for the first time. So is the first batch of a load, if the index has not changed.
3. Otherwise more than 256 requests with keys came in between, and only the rows can tell: `compare`.

Whether a key is remembered is asked by a patch of an id that no index has, which changes nothing in either case.
"""

from collections.abc import Sequence
from typing import Final

from vectord_client.errors import AccessDenied, IdempotencyKeyReused, VectorNotFound
from vectord_client.gateway_errors import AccessRefused
from vectord_client.values import IndexInfo
from vectord_client.wire import operations
from vectord_client.wire.call import Plan

_NO_ID: Final = "vectord-client: is this Idempotency-Key remembered?"


def is_remembered(name: str, key: str) -> Plan[bool]:
    """Return True if the index remembers a request with this Idempotency-Key; False also if that cannot be asked."""
    try:
        yield operations.patch(name, None, ids=[_NO_ID], mode="merge", key=key)
    except IdempotencyKeyReused:
        return True
    except (VectorNotFound, AccessDenied, AccessRefused):
        return False
    return False


def was_never_applied(name: str, anchors: Sequence[str], etag: str) -> Plan[bool]:
    """Return True if a batch whose key is not remembered was certainly never applied.

    `anchors` are keys that were acknowledged before the batch was sent. Without any, the batch was the first one of a
    load, which began at `etag`.
    """
    if not anchors:
        info: IndexInfo = yield operations.describe(name)
        return info.etag == etag
    for anchor in anchors:
        if not (yield from is_remembered(name, anchor)):
            return False
    return True
