"""POST /indexes/{name}/uploads: create a presigned link for a file of vectors that is larger than a request."""

from vectord.edge import handler, telemetry
from vectord.edge.request import Request
from vectord.edge.route import Reply, Route
from vectord.edge.schemas import bodies, index_answers
from vectord.runtime import ingest
from vectord.runtime.settings import access_claim
from vectord.service.ingestion.ingestion import Ingestion


def upload(request: Request, ingestion: Ingestion) -> Reply:
    body = bodies.decode(request.body, bodies.UploadBody)
    link = ingestion.links.create(request.path["name"], body.file, body.bytes, request.deadline)
    return Reply(
        index_answers.Upload("PUT", link.url, link.headers, link.key, link.expires),
        audit={"outcome": "issued", "file": telemetry.file_id(link.key)},
    )


ROUTES: dict[str, Route[Ingestion]] = {"POST /indexes/{name}/uploads": Route(upload, "write", "upload-link")}

lambda_handler = handler.handler(ROUTES, ingest.ingestion, access_claim)
