"""POST /indexes/{name}/vectors: add or replace a batch of vectors; PATCH: change the metadata of vectors.

It also applies the queued changes of all routes, which SQS messages announce.
"""

from collections.abc import Mapping
from typing import Any

from vectord.edge import handler, queued
from vectord.edge.events import changes, fan_out
from vectord.edge.route import Route
from vectord.runtime import api
from vectord.runtime.settings import access_claim
from vectord.service.service import Service

ROUTES: dict[str, Route[Service]] = {
    route: queued.route(route) for route in ("POST /indexes/{name}/vectors", "PATCH /indexes/{name}/vectors")
}

_answer = handler.handler(ROUTES, api.service, access_claim, fan_out.handler(api.service))
_apply = changes.handler(api.service)


def lambda_handler(event: Mapping[str, Any], context: object = None) -> Any:
    # No HTTP event has this key: API Gateway puts all input of a caller below keys of its own.
    return _apply(event, context) if "Records" in event else _answer(event, context)
