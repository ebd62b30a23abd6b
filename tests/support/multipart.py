"""The responses of S3 to the steps of a multipart upload, for a scripted server."""

from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.support.backends import LEAST_PART
from tests.support.http_server import Answer, answers
from vectord.storage.base import Condition, CopySource, IfMatch
from vectord.storage.s3.store import S3Store

HEAD = b"h" * LEAST_PART
SOURCE = CopySource("t", '"e0"', 8, 8 + LEAST_PART)
RESPONSES = {
    "create": b"<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>",
    "head": b"",
    "part": b"",
    "copy": b"<CopyPartResult><ETag>&quot;p2&quot;</ETag></CopyPartResult>",
    "complete": b"<CompleteMultipartUploadResult><ETag>&quot;e1-2&quot;</ETag></CompleteMultipartUploadResult>",
    "abort": b"",
    "list": b"<ListMultipartUploadsResult></ListMultipartUploadsResult>",
}


@dataclass
class MultipartScript:
    """Responds to each step of an upload as the test says, by default with success."""

    answers: dict[str, Answer] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        step = step_of(handler)
        self.steps.append(step)
        self.headers[step] = {name.lower(): value for name, value in handler.headers.items()}
        (self.answers.get(step) or answers(200, RESPONSES[step]))(handler)


def step_of(handler: BaseHTTPRequestHandler) -> str:
    """Name the step of an upload that a request is."""
    if handler.command == "POST":
        return "create" if "?uploads" in handler.path else "complete"
    if handler.command == "GET":
        return "list"
    if handler.command == "DELETE":
        return "abort"
    if "x-amz-copy-source" in handler.headers:
        return "copy"
    return "head" if "partNumber=1" in handler.path else "part"


def splice(store: S3Store, condition: Condition = IfMatch('"e0"')) -> str:  # noqa: B008 - frozen
    return store.splice("t", HEAD, SOURCE, condition=condition, commit="a-commit")
