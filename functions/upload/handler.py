"""POST /indexes/{name}/uploads: a link to upload a file of vectors to, for more than a request can carry."""

from vectord import runtime_inbox
from vectord.edge import bodies, http
from vectord.edge.answers import writes
from vectord.edge.event import Request
from vectord.edge.http import Reply
from vectord.service.ingest import Ingestion


def upload(request: Request, ingestion: Ingestion) -> Reply:
    body = bodies.decode(request.body, bodies.UploadBody)
    link = ingestion.link(request.path["name"], body.file, request.until)
    return Reply(writes.Upload("PUT", link.url, link.key, link.expires))


ROUTES: dict[str, http.Route[Ingestion]] = {"POST /indexes/{name}/uploads": upload}

lambda_handler = http.handler(ROUTES, runtime_inbox.ingestion)
