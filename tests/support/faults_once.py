"""One fault for one request of a step of the protocol."""

from tests.support import faults
from tests.support.faults import Fault, FaultChooser
from tests.support.faults_service import TIMEOUTS
from tools.proxy.exchange import Exchange

ONCE: dict[str, Fault] = {
    "the reply is lost": faults.loses_reply,
    "the request is lost": faults.loses_request,
    "it arrives twice": faults.replays,
    "its body is cut at byte 0": faults.cuts_request(0),
    "its body is cut in the middle": faults.cuts_request(0.5),
    "its body is cut before the last byte": faults.cuts_request(0.9999),
    **{f"its answer is cut at {share:.0%}": faults.cuts_answer(share) for share in (0.02, 0.25, 0.5, 0.75, 0.97)},
    "it is late": faults.delays(TIMEOUTS.work * 1.5),
    "its reply is late": faults.delays_reply(TIMEOUTS.work * 1.5),
    "503": faults.refuses(503, "SlowDown"),
    "500": faults.refuses(500, "InternalError"),
    "500 after the commit": faults.fails_after(500, "InternalError"),
    "409": faults.refuses(409, "ConditionalRequestConflict"),
}


def nth(step: str, number: int, fault: Fault, times: int = 1) -> FaultChooser:
    """Choose the fault for the n-th request of a step and for the `times` - 1 requests right after it."""
    met = 0

    def choose(exchange: Exchange) -> Fault:
        nonlocal met
        met += exchange.operation == step
        return fault if exchange.operation == step and number <= met < number + times else faults.passes

    return choose
