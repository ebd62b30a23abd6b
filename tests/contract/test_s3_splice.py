"""Multipart uploads, over real sockets: what each step sends, and that a failed step aborts the upload."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from threading import Barrier
from time import sleep

import pytest

from tests.support.backends import LEAST_PART
from tests.support.http_server import Answer, ScriptedServer, answers, refuses, resets, truncates
from tests.support.multipart import HEAD, RESPONSES, MultipartScript, splice
from vectord.errors import ConditionFailed, ObjectNotFound, StoreError, StoreRefused, StoreUnavailable, WriteConflict
from vectord.storage.base import Condition, CopySource, IfAbsent, IfMatch
from vectord.storage.limits import LEAST_PART as LEAST_OF_S3
from vectord.storage.s3.multipart import split_copy
from vectord.storage.s3.store import S3Store


def test_a_splice_uploads_its_head_and_copies_the_rest(store: S3Store, script: MultipartScript) -> None:
    assert splice(store) == '"e1-2"'
    assert script.steps[0] == "create"
    assert sorted(script.steps[1:3]) == ["copy", "head"]
    assert script.steps[3:] == ["complete"]


def test_parts_are_sent_in_parallel(store: S3Store, script: MultipartScript) -> None:
    together = Barrier(2, timeout=10)

    def answered(step: str) -> Answer:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            together.wait()
            answers(200, RESPONSES[step])(handler)

        return answer

    script.answers |= {step: answered(step) for step in ("head", "copy")}
    assert splice(store) == '"e1-2"'


def test_the_copy_is_pinned_to_its_source(store: S3Store, script: MultipartScript) -> None:
    splice(store)
    sent = script.headers["copy"]
    assert sent["x-amz-copy-source"] == "bucket/_vectors/t.lhv1"
    assert sent["x-amz-copy-source-if-match"] == '"e0"'
    assert sent["x-amz-copy-source-range"] == f"bytes=8-{8 + LEAST_PART - 1}"


@pytest.mark.parametrize(
    ("condition", "header", "value"), [(IfMatch('"e0"'), "if-match", '"e0"'), (IfAbsent(), "if-none-match", "*")]
)
def test_the_condition_is_sent_with_the_completion(
    store: S3Store, script: MultipartScript, condition: Condition, header: str, value: str
) -> None:
    splice(store, condition)
    assert script.headers["complete"][header] == value


def failure_with_200(code: str) -> Answer:
    """Respond as S3 does if it fails after it has sent the status 200."""
    return answers(200, f"<Error><Code>{code}</Code><Message>in words</Message></Error>".encode())


FAILURES: dict[str, tuple[Answer, type[StoreError]]] = {
    "412": (refuses(412, "PreconditionFailed"), ConditionFailed),
    "409": (refuses(409, "ConditionalRequestConflict"), WriteConflict),
    "404": (refuses(404, "NoSuchKey"), ObjectNotFound),
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
def test_a_failed_creation_of_an_upload_sends_no_part(
    store: S3Store, script: MultipartScript, failure: tuple[Answer, type[StoreError]]
) -> None:
    script.answers["create"], kind = failure
    with pytest.raises(kind):
        splice(store)
    assert script.steps == ["create"]


@every_failure_of_a_part
@pytest.mark.slow
def test_an_upload_is_aborted_when_a_part_fails(
    store: S3Store, script: MultipartScript, failure: tuple[Answer, type[StoreError]]
) -> None:
    script.answers["head"], kind = failure
    with pytest.raises(kind):
        splice(store)
    assert "complete" not in script.steps
    assert script.steps[-1] == "abort"


@every_failure
def test_an_upload_is_aborted_when_its_copy_fails(
    store: S3Store, script: MultipartScript, failure: tuple[Answer, type[StoreError]]
) -> None:
    script.answers["copy"], kind = failure
    with pytest.raises(kind):
        splice(store)
    assert "complete" not in script.steps
    assert script.steps[-1] == "abort"


@every_failure
@pytest.mark.slow
def test_an_upload_is_aborted_after_a_refusal_but_not_after_an_unknown_outcome(
    store: S3Store, script: MultipartScript, failure: tuple[Answer, type[StoreError]]
) -> None:
    script.answers["complete"], kind = failure
    with pytest.raises(kind):
        splice(store)
    assert script.steps[3:] == (["complete"] if kind is StoreUnavailable else ["complete", "abort"])


@pytest.mark.slow
@every_failure_of_a_part
def test_a_failed_abort_does_not_hide_the_first_error(
    store: S3Store, script: MultipartScript, failure: tuple[Answer, type[StoreError]]
) -> None:
    script.answers |= {"copy": refuses(412, "PreconditionFailed"), "abort": failure[0]}
    with pytest.raises(ConditionFailed):
        splice(store)


def test_an_abort_waits_for_every_part_that_is_being_sent(
    server: ScriptedServer, store: S3Store, script: MultipartScript
) -> None:
    def slow(handler: BaseHTTPRequestHandler) -> None:
        server.done.wait(0.3)
        script.steps.append("head is there")
        answers(200)(handler)

    script.answers |= {"copy": refuses(412, "PreconditionFailed"), "head": slow}
    with pytest.raises(ConditionFailed):
        splice(store)
    assert script.steps[-2:] == ["head is there", "abort"]


def test_a_splice_of_too_few_bytes_sends_no_request(server: ScriptedServer, store: S3Store) -> None:
    with pytest.raises(ValueError, match="source"):
        store.splice("t", HEAD, CopySource("t", '"e0"', 1, LEAST_PART), condition=IfAbsent(), commit="a-commit")
    assert server.requests == []


def test_a_staged_upload_sends_four_parts_at_a_time_and_holds_no_others(
    store: S3Store, script: MultipartScript
) -> None:
    drawn: list[int] = []
    answered: list[int] = []
    held: list[int] = []
    together = Barrier(4, timeout=10)

    def parts() -> Iterator[bytes]:
        for number in range(12):
            drawn.append(number)
            yield HEAD

    def answer(handler: BaseHTTPRequestHandler) -> None:
        together.wait()
        sleep(0.05)  # time to draw more parts
        held.append(len(drawn) - len(answered))
        together.wait()
        answered.append(1)
        answers(200)(handler)

    script.answers |= {"head": answer, "part": answer}
    store.stage(".staging/1", parts())
    assert (len(drawn), max(held)) == (12, 4)


def test_a_failed_staged_part_aborts_the_upload(store: S3Store, script: MultipartScript) -> None:
    script.answers["part"] = refuses(503, "SlowDown")
    with pytest.raises(StoreUnavailable):
        store.stage(".staging/1", [HEAD, b"end"])
    assert script.steps[-1] == "abort"


def test_a_staged_part_that_is_too_small_aborts_the_upload(store: S3Store, script: MultipartScript) -> None:
    with pytest.raises(ValueError, match="part"):
        store.stage(".staging/1", [HEAD[1:], b"end"])
    assert (script.steps[0], script.steps[-1]) == ("create", "abort")
    assert "complete" not in script.steps


def test_a_staged_upload_is_completed_unconditionally(store: S3Store, script: MultipartScript) -> None:
    store.stage(".staging/1", [HEAD, b"end"])
    assert not {"if-match", "if-none-match"} & script.headers["complete"].keys()


MOST_OF_S3 = 5 << 30


@pytest.mark.parametrize("size", [LEAST_OF_S3, (128 << 20) - 1, 128 << 20, (128 << 20) + 1, MOST_OF_S3 + 1, 50 << 30])
def test_a_source_is_copied_in_parts_of_sizes_that_s3_accepts(size: int) -> None:
    parts = split_copy(CopySource("t", '"e0"', 7, 7 + size))
    assert [part.start for part in parts] == [7, *(part.stop for part in parts[:-1])]
    assert parts[-1].stop == 7 + size
    assert all(LEAST_OF_S3 <= part.stop - part.start <= MOST_OF_S3 for part in parts)
    assert len(parts) <= 10_000
