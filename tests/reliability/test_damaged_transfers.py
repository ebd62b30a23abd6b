"""Responses and bodies that are cut, or in which a bit is flipped: nothing of them is read or stored as right."""

from time import monotonic

import pytest

from tests.reliability import model
from tests.reliability.faulted import ASKED, DIMENSION, FORMS, MANY, MORE, filled, settled
from tests.reliability.model import Asked
from tests.reliability.run import LONG, chance, figure
from tests.support import faults
from tests.support.backends import S3Backend
from tests.support.faults import Fault, FaultChooser
from tests.support.faults_once import nth
from tests.support.faults_service import TIMEOUTS, a_service
from tests.support.services import a_query
from tools.proxy.exchange import Exchange, Reply
from tools.proxy.server import Proxy
from vectord.errors import BlobCorrupt, BlobUnsupported, StorageSilent
from vectord.index.thresholds import Thresholds
from vectord.lhv1 import frame
from vectord.service.values.options import Deadline


@pytest.mark.parametrize("form", FORMS)
def test_a_commit_response_cut_at_any_byte_is_never_misread(bucket: S3Backend, proxied: Proxy, form: str) -> None:
    filled(bucket, FORMS[form])
    service = a_service(bucket, proxied.endpoint, sizes=FORMS[form], timeouts=TIMEOUTS)
    lengths = []

    def choose(exchange: Exchange) -> Fault:
        def fault(exchange: Exchange) -> None:
            reply = exchange.forward()
            lengths.append(len(reply.wire))
            exchange.answer(reply, cut)

        return fault if exchange.operation in ("put", "complete") and not lengths else faults.passes

    proxied.choose = choose
    cut = chance("byte", form).randrange(1, 2 if LONG else 40)
    while not lengths or cut < lengths[0]:
        lengths.clear()
        row = ("id 0", model.components(cut, DIMENSION), None)
        outcome = service.add("t", model.entries(row), Deadline(monotonic() + 10))
        assert (outcome.replaced, outcome.etag) == (
            1,
            a_service(bucket).describe("t", Deadline(monotonic() + 10)).etag,
        ), cut
        figure("answers to commits cut at a byte")
        cut += 1 if LONG else 40


def cut_at(boundary: int, how: str) -> FaultChooser:
    """Let no byte of an object beyond the boundary arrive; say so by the connection's end, the length or the range."""

    def fault(exchange: Exchange) -> None:
        reply = exchange.forward()
        start = int(reply.header("content-range").removeprefix("bytes ").partition("-")[0] or 0)
        stop = start + len(reply.body)
        if reply.status not in (200, 206) or stop <= boundary:
            exchange.answer(reply)
        elif how == "the connection ends":
            head = len(reply.wire) - len(reply.body)
            exchange.answer(reply, head + max(0, boundary - start))
        else:
            kept = reply.body[: max(0, boundary - start)]
            short = Reply(reply.status, reply.reason, reply.headers, kept, len(kept))
            if how == "the range is shorter":
                size = reply.header("content-range").rpartition("/")[2]
                short = short.having("content-range", f"bytes {start}-{start + len(kept) - 1}/{size}")
            exchange.answer(short)

    return lambda exchange: fault if exchange.operation in ("range", "get") else faults.passes


def boundaries(blob: bytes) -> list[int]:
    head = frame.decode_head(blob, len(blob))
    stops = [start + entry.bytes for start, entry in zip(head.section_starts(), head.envelope.sections, strict=True)]
    marks = {0, 4, 8, head.body_start, *head.section_starts(), *stops}
    return sorted(near for mark in marks for near in (mark - 1, mark, mark + 1) if 0 <= near < len(blob))


@pytest.mark.parametrize("how", ["the connection ends", "the length is shorter", "the range is shorter"])
@pytest.mark.usefixtures("in_pieces")
def test_an_object_cut_at_a_section_boundary_is_never_accepted_as_whole(
    bucket: S3Backend, proxied: Proxy, sizes: Thresholds, how: str
) -> None:
    state = filled(bucket, sizes, MANY)
    for boundary in boundaries(bucket.objects()["t"]):
        service = a_service(bucket, proxied.endpoint, sizes=sizes, timeouts=TIMEOUTS)
        proxied.choose = cut_at(boundary, how)
        figure("reads truncated at a section boundary")
        try:
            found = service.search(
                "t", a_query(ASKED.query, ASKED.k, recall=1), Deadline(monotonic() + 0.15)
            ).answer.matches
        except (StorageSilent, BlobCorrupt):
            pass
        else:
            assert ASKED.is_answered(found, state), boundary
        proxied.choose = lambda _: faults.passes
        assert ASKED.is_answered(
            service.search("t", a_query(ASKED.query, ASKED.k, recall=1), Deadline(monotonic() + 10)).answer.matches,
            state,
        )


def test_a_bit_flipped_in_a_response_is_detected(bucket: S3Backend, proxied: Proxy, sizes: Thresholds) -> None:
    state = filled(bucket, sizes)
    blob = bucket.objects()["t"]
    for at in sorted(chance("bits", len(blob)).sample(range(len(blob)), 300 if LONG else 25)):
        service = a_service(bucket, proxied.endpoint, sizes=sizes, timeouts=TIMEOUTS)
        proxied.choose = lambda exchange, at=at: (
            faults.spoils_answer(at) if exchange.operation == "range" else faults.passes
        )
        figure("bits changed in answers")
        try:
            found = service.search("t", a_query(ASKED.query, 100, recall=1), Deadline(monotonic() + 5)).answer.matches
        except (BlobCorrupt, BlobUnsupported) as error:
            assert error.index == "t"
        else:  # it is white space that pads the head
            assert blob[at] == ord(" ")
            assert Asked(ASKED.query, 100, "cosine").is_answered(found, state)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 1])
@pytest.mark.parametrize(("form", "step"), [("plain", "put"), ("packed", "part")])
def test_a_bit_flipped_in_a_request_is_not_stored(
    bucket: S3Backend, proxied: Proxy, form: str, step: str, share: float
) -> None:
    before = filled(bucket, FORMS[form])
    proxied.choose = nth(step, 1, faults.spoils_request(share))
    service = a_service(bucket, proxied.endpoint, sizes=FORMS[form], timeouts=TIMEOUTS)
    assert model.made(MORE, service, monotonic() + 10) == MORE.outcome(before)
    assert settled(bucket, proxied) == MORE.on(before)
    figure("bits changed in bodies of writes")
