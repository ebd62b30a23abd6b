"""What happens to a multipart upload when a step of it fails, over real sockets: nothing of it is left lying about."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Barrier
from zlib import crc32

import pytest

from tests.support import wire as wires
from tests.support.backends import LEAST_PART, s3_store
from tests.support.wire import Answer, Wire, answers, refuses, resets, slowly, truncates
from vectord.errors import (
    ConditionFailed,
    ObjectMissing,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    WriteConflict,
)
from vectord.stores import Condition, IfAbsent, IfMatch, Source
from vectord.stores.parts import LEAST_PART as LEAST_OF_S3
from vectord.stores.s3 import S3Store
from vectord.stores.s3_multipart import copied
from vectord.stores.s3_requests import Waits

HEAD = b"h" * LEAST_PART
SOURCE = Source("t", '"e0"', 8, 8 + LEAST_PART)
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
GOOD = {
    "create": b"<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>",
    "head": b"",
    "copy": b"<CopyPartResult><ETag>&quot;p2&quot;</ETag></CopyPartResult>",
    "tail": b"",
    "complete": b"<CompleteMultipartUploadResult><ETag>&quot;e1-3&quot;</ETag></CompleteMultipartUploadResult>",
    "abort": b"",
}


@dataclass
class Script:
    """S3's side of an upload: answers each step as a test has it, or well."""

    answers: dict[str, Answer] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        step = step_of(handler)
        self.steps.append(step)
        self.headers[step] = {name.lower(): value for name, value in handler.headers.items()}
        (self.answers.get(step) or answers(200, GOOD[step]))(handler)


def step_of(handler: BaseHTTPRequestHandler) -> str:
    """Name the step of an upload that a request is."""
    if handler.command == "POST":
        return "create" if handler.path.endswith("?uploads=") else "complete"
    if handler.command == "DELETE":
        return "abort"
    if "x-amz-copy-source" in handler.headers:
        return "copy"
    return "head" if "partNumber=1" in handler.path else "tail"


@pytest.fixture
def wire() -> Iterator[Wire]:
    with wires.wire() as wired:
        yield wired


@pytest.fixture
def script(wire: Wire) -> Script:
    wire.answer = script = Script()
    return script


@pytest.fixture
def store(wire: Wire, aws_environment: None) -> S3Store:
    return s3_store(wire.endpoint, "bucket", "_vectors")


def splice(store: S3Store, condition: Condition = IfMatch('"e0"'), tail: bytes = b"tail") -> str:  # noqa: B008 - frozen
    return store.splice("t", HEAD, SOURCE, tail, condition=condition, commit="a-commit")


def test_a_splice_sends_its_ends_and_has_s3_copy_the_rest(store: S3Store, script: Script) -> None:
    assert splice(store) == '"e1-3"'
    assert script.steps[0] == "create"
    assert sorted(script.steps[1:4]) == ["copy", "head", "tail"]
    assert script.steps[4:] == ["complete"]


def test_parts_are_sent_side_by_side(store: S3Store, script: Script) -> None:
    together = Barrier(3, timeout=10)

    def answered(step: str) -> Answer:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            together.wait()
            answers(200, GOOD[step])(handler)

        return answer

    script.answers |= {step: answered(step) for step in ("head", "copy", "tail")}
    assert splice(store) == '"e1-3"'


def test_a_splice_without_a_tail_has_no_part_for_it(store: S3Store, script: Script) -> None:
    splice(store, tail=b"")
    assert "tail" not in script.steps


def test_the_copy_is_pinned_to_its_source(store: S3Store, script: Script) -> None:
    splice(store)
    sent = script.headers["copy"]
    assert sent["x-amz-copy-source"] == "bucket/_vectors/t.lhv1"
    assert sent["x-amz-copy-source-if-match"] == '"e0"'
    assert sent["x-amz-copy-source-range"] == f"bytes=8-{8 + LEAST_PART - 1}"


@pytest.mark.parametrize(
    ("condition", "header", "value"), [(IfMatch('"e0"'), "if-match", '"e0"'), (IfAbsent(), "if-none-match", "*")]
)
def test_the_condition_is_held_when_the_upload_completes(
    store: S3Store, script: Script, condition: Condition, header: str, value: str
) -> None:
    splice(store, condition)
    assert script.headers["complete"][header] == value


def failure_with_200(code: str) -> Answer:
    """Answer as S3 does when it had begun to answer before it failed."""
    return answers(200, f"<Error><Code>{code}</Code><Message>in words</Message></Error>".encode())


FAILURES: dict[str, tuple[Answer, type[StoreError]]] = {
    "412": (refuses(412, "PreconditionFailed"), ConditionFailed),
    "409": (refuses(409, "ConditionalRequestConflict"), WriteConflict),
    "404": (refuses(404, "NoSuchKey"), ObjectMissing),
    "403": (refuses(403, "AccessDenied"), StoreRefused),
    "400": (refuses(400, "EntityTooSmall"), StoreRefused),
    "no upload": (refuses(404, "NoSuchUpload"), StoreUnavailable),
    "503": (refuses(503, "SlowDown"), StoreUnavailable),
    "reset": (resets, StoreUnavailable),
    "200 with an error": (failure_with_200("InternalError"), StoreUnavailable),
    "200 with a slow down": (failure_with_200("SlowDown"), StoreUnavailable),
    "200 that is cut off": (truncates(b"<CompleteMultipartUploadResult>", 100), StoreUnavailable),
}
WITHOUT_BODY = {name: failure for name, failure in FAILURES.items() if not name.startswith("200")}
every_failure = pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
every_failure_of_a_part = pytest.mark.parametrize("failure", WITHOUT_BODY.values(), ids=WITHOUT_BODY.keys())


@every_failure
def test_an_upload_that_never_began_sends_nothing_more(
    store: S3Store, script: Script, failure: tuple[Answer, type[StoreError]]
) -> None:
    script.answers["create"], kind = failure
    with pytest.raises(kind):
        splice(store)
    assert script.steps == ["create"]


@every_failure_of_a_part
@pytest.mark.parametrize("part", ["head", "tail"])
def test_an_upload_is_aborted_when_a_part_fails(
    store: S3Store, script: Script, part: str, failure: tuple[Answer, type[StoreError]]
) -> None:
    script.answers[part], kind = failure
    with pytest.raises(kind):
        splice(store)
    assert "complete" not in script.steps
    assert script.steps[-1] == "abort"


@every_failure
def test_an_upload_is_aborted_when_its_copy_fails(
    store: S3Store, script: Script, failure: tuple[Answer, type[StoreError]]
) -> None:
    script.answers["copy"], kind = failure
    with pytest.raises(kind):
        splice(store)
    assert "complete" not in script.steps
    assert script.steps[-1] == "abort"


@every_failure
def test_an_upload_is_aborted_after_a_no_and_left_alone_after_no_answer(
    store: S3Store, script: Script, failure: tuple[Answer, type[StoreError]]
) -> None:
    script.answers["complete"], kind = failure
    with pytest.raises(kind):
        splice(store)
    assert script.steps[4:] == (["complete"] if kind is StoreUnavailable else ["complete", "abort"])


@every_failure_of_a_part
def test_an_abort_that_fails_hides_nothing(
    store: S3Store, script: Script, failure: tuple[Answer, type[StoreError]]
) -> None:
    script.answers |= {"copy": refuses(412, "PreconditionFailed"), "abort": failure[0]}
    with pytest.raises(ConditionFailed):
        splice(store)


def test_an_abort_comes_after_every_part_that_was_on_its_way(wire: Wire, store: S3Store, script: Script) -> None:
    def slow(handler: BaseHTTPRequestHandler) -> None:
        wire.done.wait(0.3)
        script.steps.append("head is there")
        answers(200)(handler)

    script.answers |= {"copy": refuses(412, "PreconditionFailed"), "head": slow}
    with pytest.raises(ConditionFailed):
        splice(store)
    assert script.steps[-2:] == ["head is there", "abort"]


AT_WORK = {"copy": GOOD["copy"], "complete": GOOD["complete"]}


@pytest.mark.parametrize("step", AT_WORK)
def test_s3_may_be_at_work_for_longer_than_a_read_waits(wire: Wire, script: Script, step: str) -> None:
    store = s3_store(wire.endpoint, "bucket", "_vectors", waits=Waits(read=0.1, work=20))
    script.answers[step] = slowly(GOOD[step], pieces=2, seconds=0.15)
    assert splice(store) == '"e1-3"'


@pytest.mark.parametrize(("step", "last"), [("copy", "abort"), ("complete", "complete")])
def test_s3_may_not_be_at_work_for_ever(wire: Wire, script: Script, step: str, last: str) -> None:
    store = s3_store(wire.endpoint, "bucket", "_vectors", waits=Waits(work=0.2))
    script.answers[step] = slowly(GOOD[step], pieces=100, seconds=0.05)
    with pytest.raises(StoreUnavailable):
        splice(store)
    assert script.steps[-1] == last


@pytest.mark.parametrize("step", AT_WORK)
def test_a_no_may_come_after_s3_was_at_work(store: S3Store, script: Script, step: str) -> None:
    script.answers[step] = slowly(b"<Error><Code>PreconditionFailed</Code></Error>", pieces=2, seconds=0)
    with pytest.raises(ConditionFailed):
        splice(store)
    assert script.steps[-1] == "abort"


FOREIGN = {
    "nothing": b"",
    "no XML": b"captive portal",
    "a page": b"<html><ETag>&quot;p2&quot;</ETag></html>",
    "no field": b"<%b></%b>",
    "an empty field": b"<%b><ETag></ETag><UploadId></UploadId></%b>",
    "an open end": b"<%b><ETag>&quot;p2&quot;</ETag><UploadId>u1</UploadId>",
    "something before": b"HTTP<%b><ETag>&quot;p2&quot;</ETag><UploadId>u1</UploadId></%b>",
    "something after": b"<%b><ETag>&quot;p2&quot;</ETag><UploadId>u1</UploadId></%b>HTTP",
    "a document type": b"<!DOCTYPE x><%b><ETag>&quot;p2&quot;</ETag><UploadId>u1</UploadId></%b>",
    "an error without a code": b"<Error><ETag>&quot;p2&quot;</ETag><UploadId>u1</UploadId></Error>",
    "an entity of its own": b'<!DOCTYPE x [<!ENTITY e "u1">]><%b><ETag>&e;</ETag><UploadId>&e;</UploadId></%b>',
    "an entity that nobody knows": b"<%b><ETag>&e;</ETag><UploadId>&e;</UploadId></%b>",
}
ROOTS = {step: GOOD[step][1:].partition(b">")[0] for step in ("create", "copy", "complete")}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN.keys())
@pytest.mark.parametrize("step", ROOTS)
def test_an_answer_that_is_not_s3s_is_no_answer(store: S3Store, script: Script, step: str, foreign: bytes) -> None:
    script.answers[step] = answers(200, foreign.replace(b"%b", ROOTS[step]))
    with pytest.raises(StoreUnavailable):
        splice(store)
    assert script.steps[-1] == {"create": "create", "copy": "abort", "complete": "complete"}[step]


def test_a_part_is_sent_with_its_checksum(store: S3Store, script: Script) -> None:
    splice(store)
    assert script.headers["create"]["x-amz-checksum-algorithm"] == "CRC32"
    assert script.headers["tail"]["x-amz-checksum-crc32"] == b64encode(crc32(b"tail").to_bytes(4)).decode()


def test_an_upload_is_completed_by_what_was_answered_for_its_parts(wire: Wire, store: S3Store, script: Script) -> None:
    copy = b"<CopyPartResult><ChecksumCRC32>c2==</ChecksumCRC32><ETag>&quot;p2&quot;</ETag></CopyPartResult>"
    script.answers = {
        "head": answers(200, **{"ETag": '"p1"', "x-amz-checksum-crc32": "c1=="}),
        "copy": answers(200, copy),
        "tail": answers(200, ETag='"p3"'),
    }
    splice(store)
    parts = [
        '<Part><ChecksumCRC32>c1==</ChecksumCRC32><ETag>"p1"</ETag><PartNumber>1</PartNumber></Part>',
        '<Part><ChecksumCRC32>c2==</ChecksumCRC32><ETag>"p2"</ETag><PartNumber>2</PartNumber></Part>',
        '<Part><ETag>"p3"</ETag><PartNumber>3</PartNumber></Part>',
    ]
    root = "CompleteMultipartUpload"
    assert wire.bodies[-1].decode() == f'<{root} xmlns="{NAMESPACE}">{"".join(parts)}</{root}>'


def test_a_splice_of_too_few_bytes_sends_nothing(wire: Wire, store: S3Store) -> None:
    with pytest.raises(ValueError, match="source"):
        store.splice("t", HEAD, Source("t", '"e0"', 1, LEAST_PART), b"", condition=IfAbsent(), commit="a-commit")
    assert wire.requests == []


def test_a_staged_part_that_fails_aborts_the_upload(store: S3Store, script: Script) -> None:
    script.answers["tail"] = refuses(503, "SlowDown")
    with pytest.raises(StoreUnavailable):
        store.stage(".staging/1", [HEAD, b"end"])
    assert script.steps[-1] == "abort"


def test_a_part_of_a_staged_object_that_is_too_small_aborts_the_upload(store: S3Store, script: Script) -> None:
    with pytest.raises(ValueError, match="part"):
        store.stage(".staging/1", [HEAD[1:], b"end"])
    assert (script.steps[0], script.steps[-1]) == ("create", "abort")
    assert "complete" not in script.steps


def test_what_is_staged_is_completed_under_no_condition(store: S3Store, script: Script) -> None:
    store.stage(".staging/1", [HEAD, b"end"])
    assert not {"if-match", "if-none-match"} & script.headers["complete"].keys()


MOST_OF_S3 = 5 << 30


@pytest.mark.parametrize("size", [LEAST_OF_S3, (128 << 20) - 1, 128 << 20, (128 << 20) + 1, MOST_OF_S3 + 1, 50 << 30])
def test_a_span_is_copied_in_parts_that_s3_takes(size: int) -> None:
    parts = copied(Source("t", '"e0"', 7, 7 + size))
    assert [part.start for part in parts] == [7, *(part.stop for part in parts[:-1])]
    assert parts[-1].stop == 7 + size
    assert all(LEAST_OF_S3 <= part.stop - part.start <= MOST_OF_S3 for part in parts)
    assert len(parts) <= 10_000
