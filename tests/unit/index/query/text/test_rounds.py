"""Steps that read texts join the rounds of a search by vector, and have their own only where there are no others."""

from collections.abc import Generator, Sequence

from tests.support.sections import RecordingFetch
from vectord.index.query.prefetch import PAGE
from vectord.index.query.text.rounds import SharedRounds, together
from vectord.index.sections.base import ByteRange, Section, SectionRanges
from vectord.index.text.reading import finished


def page(number: int) -> ByteRange:
    return number * PAGE, (number + 1) * PAGE


def steps(section: Section, ranges: Sequence[ByteRange]) -> Generator[Sequence[SectionRanges], None, str]:
    for each in ranges:
        yield [(section, [each])]
    return "read"


def test_a_step_of_which_everything_was_read_takes_no_round() -> None:
    fetch = RecordingFetch()
    rows, text = fetch.section(bytes(9 * PAGE)), fetch.section(bytes(9 * PAGE))
    shared = SharedRounds(fetch, steps(text, [page(1), page(1), page(2), page(1)]))
    shared((rows, [page(4)]))
    shared((rows, [page(5)]))
    assert shared.result() == "read"
    assert fetch.rounds == [[page(4), page(1)], [page(5), page(2)]]


def test_steps_join_rounds_until_they_end_and_finish_alone() -> None:
    fetch = RecordingFetch()
    rows, text = fetch.section(bytes(9 * PAGE)), fetch.section(bytes(9 * PAGE))
    shared = SharedRounds(fetch, steps(text, [page(1), page(2), page(3)]))
    shared((rows, [page(4)]))
    shared((rows, [page(4)]))  # nothing is missing: no round that a step could join
    shared((rows, [page(5)]))
    assert shared.result() == "read"
    shared((rows, [page(6)]))
    assert fetch.rounds == [[page(4), page(1)], [page(5), page(2)], [page(3)], [page(6)]]


class Requested:
    """Records the ranges that are requested, of a fetch that looks at all of a round before it reads any."""

    capacity = 1
    is_local = False

    def __init__(self, fetch: RecordingFetch) -> None:
        self._fetch, self.rounds = fetch, list[list[ByteRange]]()

    def __call__(self, *wanted: SectionRanges) -> None:
        missing = [each for section, ranges in wanted for each in section.missing(ranges)]
        self.rounds += [missing] if missing else []
        self._fetch(*wanted)


def test_steps_of_several_lists_share_their_rounds_and_request_no_page_twice() -> None:
    fetch = RecordingFetch()
    text, rows = fetch.section(bytes(9 * PAGE)), fetch.section(bytes(9 * PAGE))
    requested = Requested(fetch)
    three = [
        steps(text, [page(1), page(2)]),
        steps(text, [page(1), page(4), page(6)]),
        steps(rows, [page(5)]),
    ]
    assert finished(together(three), requested) == ["read"] * 3
    assert requested.rounds == [[page(1), page(5)], [page(2), page(4)], [page(6)]]
