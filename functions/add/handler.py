"""POST /indexes/{name}/vectors: add or replace a batch of vectors; PATCH: change the metadata of vectors, or an index.

It also applies the queued changes of all routes, which SQS messages announce.
"""

from vectord.edge import handler, queued
from vectord.edge.events import changes, fan_out
from vectord.edge.route import Deferred, Route
from vectord.runtime import api
from vectord.runtime.settings import access_claim
from vectord.service.service import Service

ROUTES: dict[str, Route[Service]] = {
    **{route: queued.route(route) for route in ("POST /indexes/{name}/vectors", "PATCH /indexes/{name}/vectors")},
    "PATCH /indexes/{name}": Route(Deferred("vectord.edge.text_routes", "change_index"), "admin", "change-index"),
}

lambda_handler = handler.handler(
    ROUTES,
    api.writing_service,
    access_claim,
    fan_out.handler(api.writing_service),
    on_records=changes.handler(api.writing_service),
)
