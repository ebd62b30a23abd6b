"""A write that gives way lists the uploads in progress of its key, before it sends a byte; one of several goes on."""

from http.server import BaseHTTPRequestHandler

import pytest

from tests.support.backends import LEAST_PART
from tests.support.http_server import Answer, answers, refuses, resets
from tests.support.multipart import HEAD, MultipartScript
from vectord.storage.base import CopySource, IfMatch, WriteInProgress
from vectord.storage.s3.store import S3Store

LARGE = 8 << 20
KEY = "_vectors/t.lhv1"
OWN = (KEY, "u1", "12:00:30")
ALONE = [OWN]
GOES_ON = ["create", "list", "complete"]
GAVE_WAY = ["create", "list", "abort"]


def listing(uploads: list[tuple[str, str, str]], following: str = "") -> bytes:
    entries = "".join(
        f"<Upload><Key>{key}</Key><UploadId>{upload}</UploadId><Initiated>2026-11-30T{time}.000Z</Initiated></Upload>"
        for key, upload, time in uploads
    )
    marker = f"<IsTruncated>true</IsTruncated><NextKeyMarker>{following}</NextKeyMarker>" if following else ""
    return f"<ListMultipartUploadsResult>{marker}{entries}</ListMultipartUploadsResult>".encode()


def splice(store: S3Store, *, size: int = LARGE, gives_way: bool = True) -> str:
    source = CopySource("t", '"e0"', 8, 8 + size)
    return store.splice("t", HEAD, source, condition=IfMatch('"e0"'), commit="a-commit", gives_way=gives_way)


def steps_beside(store: S3Store, script: MultipartScript, *others: tuple[str, str, str]) -> list[str]:
    """Return the steps of a write beside other uploads, without those that send its parts."""
    script.answers["list"] = answers(200, listing([*others, OWN]))
    return steps_of(store, script)


def steps_of(store: S3Store, script: MultipartScript) -> list[str]:
    try:
        assert splice(store) == '"e1-2"'
    except WriteInProgress:
        assert script.steps[-1] == "abort"
    return [step for step in script.steps if step not in {"head", "copy"}]


def test_a_write_lists_before_it_sends_a_part(store: S3Store, script: MultipartScript) -> None:
    assert steps_beside(store, script) == GOES_ON
    assert script.steps[:2] == ["create", "list"]


@pytest.mark.parametrize(
    "other",
    [(KEY, "u9", "12:00:29"), (KEY, "u9", "12:00:20"), (KEY, "u0", "12:00:30")],
    ids=["began before", "began 10 s before", "began in the same second, with a lower id"],
)
def test_a_write_gives_way_to_an_upload_before_its_own(
    store: S3Store, script: MultipartScript, other: tuple[str, str, str]
) -> None:
    assert steps_beside(store, script, other) == GAVE_WAY


def test_a_write_that_gives_way_sends_nothing(store: S3Store, script: MultipartScript) -> None:
    steps_beside(store, script, (KEY, "u0", "12:00:29"))
    assert script.steps == GAVE_WAY


@pytest.mark.parametrize(
    "other",
    [
        (KEY, "u0", "12:00:31"),
        (KEY, "u2", "12:00:30"),
        (KEY, "u0", "12:00:19"),
        (f"{KEY}x", "u0", "12:00:29"),
    ],
    ids=["began later", "began in the same second, with a higher id", "of a writer that died", "of a longer key"],
)
def test_a_write_goes_on_beside_another_upload(
    store: S3Store, script: MultipartScript, other: tuple[str, str, str]
) -> None:
    assert steps_beside(store, script, other) == GOES_ON


@pytest.mark.parametrize(
    "answer",
    [
        refuses(403, "AccessDenied"),
        refuses(503, "SlowDown"),
        resets,
        answers(200, listing([(KEY, "u0", "12:00:29")])),
        answers(200, b"<ListMultipartUploadsResult><Upload><Key>t</Key></Upload></ListMultipartUploadsResult>"),
        answers(200, b"<html>a login page</html>"),
    ],
    ids=["denied", "slow down", "reset", "without its own upload", "without ids", "not S3"],
)
@pytest.mark.slow
def test_a_write_goes_on_if_the_uploads_cannot_be_listed(
    store: S3Store, script: MultipartScript, answer: Answer
) -> None:
    script.answers["list"] = answer
    assert [step for step in steps_of(store, script) if step != "list"] == ["create", "complete"]


def test_uploads_on_a_second_page_count(store: S3Store, script: MultipartScript) -> None:
    def page(handler: BaseHTTPRequestHandler) -> None:
        first = "key-marker" not in handler.path
        uploads = [("_vectors/t", "u0", "12:00:00")] if first else [(KEY, "u0", "12:00:29"), OWN]
        answers(200, listing(uploads, "_vectors/t" if first else ""))(handler)

    script.answers["list"] = page
    assert steps_of(store, script) == ["create", "list", "list", "abort"]


def test_a_write_that_does_not_give_way_lists_nothing(store: S3Store, script: MultipartScript) -> None:
    splice(store, gives_way=False)
    assert "list" not in script.steps


def test_a_write_that_copies_little_lists_nothing(store: S3Store, script: MultipartScript) -> None:
    splice(store, size=LARGE - 1)
    assert "list" not in script.steps
    assert LEAST_PART < LARGE


def test_uploads_are_listed_by_the_key_alone(store: S3Store, script: MultipartScript) -> None:
    paths: list[str] = []

    def recorded(handler: BaseHTTPRequestHandler) -> None:
        paths.append(handler.path)
        answers(200, listing(ALONE))(handler)

    script.answers["list"] = recorded
    splice(store)
    [path] = paths
    assert "prefix=_vectors%2Ft.lhv1" in path
