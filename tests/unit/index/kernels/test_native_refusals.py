"""The compiled kernels refuse arrays that do not fit together."""

import numpy as np
import pytest

from vectord.index.kernels import compiled

native = compiled.native

F, Q, B = np.float32, np.int64, np.uint8
SECTION, CODE, NEAR, EXACT = np.zeros(64, B), np.ones(64, F), np.empty(4, Q), np.empty(4)  # a section of 4 entries
STARTS, FIRST, FIRST_ONLY = np.array([0, 32, 64]), np.array([0, 2, 4]), np.array([0])
ROWS, QUERY, NORMS = np.ones((4, 2), F), np.ones(2, F), np.ones(4, F)
LEVELS, DIRECTIONS = np.ones((4, 1), np.int16), np.ones((1, 2), F)
U, WORDS, HALVES = np.uint64, np.ones(1, np.uint64), np.empty(2, np.float16)
# The arguments of valid calls, but for the first ones.
COMPARE = (WORDS, np.ones((5, 1), U), np.empty(2, np.uint32), HALVES, HALVES, np.empty(2, np.uint16), np.empty(2, "i4"))
ASSIGN = (ROWS, NORMS, ROWS[:2], NORMS[:2], ROWS[:2], 1, 1, 1.0, 0.0, NEAR, NORMS.copy(), np.empty(4, Q))
ENCODE = (True, np.ones((4, 1), U), NORMS.copy(), NORMS.copy())
SETS = np.ones((2, 3), bool)
REACH = (np.array([0, 9, 18, 27]), np.array([1, 2]), 9, 1, 150, 28, np.zeros((2, 3), bool))
LISTS = (np.ones(2, np.uint32), EXACT[:2], EXACT[:2], 9, np.array([1, 2]), np.empty((4, 2), Q), NEAR)
SCORES = (np.ones(4, B), 1.0, 1.0, EXACT.copy())
BAD_CALLS: dict[str, tuple[object, ...]] = {
    "distances of a row that does not exist": ("distances", ROWS, np.array([4]), QUERY, False, np.empty(1)),
    "distances of a negative row": ("distances", ROWS, np.array([-1]), QUERY, False, np.empty(1)),
    "distances to a longer query": ("distances", ROWS, None, np.ones(3, F), False, EXACT),
    "distances into too little": ("distances", ROWS, None, QUERY, False, np.empty(3)),
    "distances of float64": ("distances", np.ones((4, 2)), None, QUERY, False, EXACT),
    "distances of columns": ("distances", np.ones((2, 4), F).T, None, QUERY, False, EXACT),
    "distances into a constant": ("distances", ROWS, None, QUERY, False, np.frombuffer(bytes(32), np.float64)),
    "too few arguments": ("distances", ROWS),
    "a partition that does not exist": ("least_different", SECTION, STARTS, FIRST, np.array([2]), CODE, None, 1),
    "a negative partition": ("least_different", SECTION, STARTS, FIRST, np.array([-1]), CODE, None, 1),
    "a partition after the section": ("least_different", SECTION, STARTS + 48, FIRST, FIRST_ONLY, CODE, None, 1),
    "a partition before the section": ("least_different", SECTION, STARTS - 8, FIRST, FIRST_ONLY, CODE, None, 1),
    "a partition of many entries": ("least_different", SECTION, STARTS, FIRST * 2**61, FIRST_ONLY, CODE, None, 1),
    "a partition of a negative size": ("least_different", SECTION, STARTS, -FIRST, FIRST_ONLY, CODE, None, 1),
    "a row without a mask": ("least_different", SECTION + B(9), STARTS, FIRST, FIRST_ONLY, CODE, np.ones(3, bool), 1),
    "nearest of a row that does not exist": (
        "nearest",
        ROWS,
        NORMS,
        np.array([4]),
        QUERY,
        QUERY,
        1,
        False,
        NEAR,
        EXACT,
    ),
    "fewer norms than rows": ("nearest", ROWS, NORMS[:3], np.array([3]), QUERY, QUERY, 1, False, NEAR, EXACT),
    "none of the nearest": ("nearest", ROWS, NORMS, np.array([3]), QUERY, QUERY, 0, False, NEAR, EXACT),
    "another mean": ("rotate_query", QUERY, CODE, np.ones((2, 2), F), True, np.empty(2, F), np.empty(2, F)),
    "no dimension": ("rotate_query", QUERY[:0], QUERY[:0], np.ones((2, 0), F), True, QUERY[:0], QUERY[:0]),
    "offsets of other rows": ("choose", ROWS, NORMS[:3], QUERY, LEVELS, 1.0, DIRECTIONS, None, 2, NEAR),
    "levels of other rows": ("choose", ROWS, NORMS, QUERY, LEVELS[:3], 1.0, DIRECTIONS, None, 2, NEAR),
    "a mean of other components": ("encode", ROWS, NORMS, np.ones((2, 2), F), *ENCODE),
    "signs of one round": ("encode", ROWS, QUERY, np.ones((1, 2), F), *ENCODE),
    "codes of more words": ("encode", ROWS, QUERY, np.ones((2, 2), F), True, np.ones((4, 2), U), *ENCODE[2:]),
    "codes of fewer rows": ("encode", ROWS, QUERY, np.ones((2, 2), F), True, np.ones((3, 1), U), *ENCODE[2:]),
    "a place that no set has": ("likely_lists", SETS, np.array([0, 3]), *LISTS),
    "a negative place": ("likely_lists", SETS, np.array([0, -1]), *LISTS),
    "places of other entries": ("likely_lists", SETS, np.array([0]), *LISTS),
    "the nearest of none": ("likely_lists", SETS, np.array([0, 1]), *LISTS[:4], np.array([0, 1]), *LISTS[5:]),
    "a list too few": ("likely_lists", SETS, np.array([0, 1]), *LISTS[:5], np.empty((3, 2), Q), NEAR),
    "a count too few": ("likely_lists", SETS, np.array([0, 1]), *LISTS[:6], NEAR[:3]),
    "a partition out of reach": ("reached", np.array([1, 3]), *REACH),
    "a negative partition in reach": ("reached", np.array([1, -1]), *REACH),
    "fewer starts than partitions": ("reached", np.array([1, 2]), STARTS, *REACH[1:]),
    "more probes than partitions in reach": ("reached", np.array([1]), *REACH),
    "probes that descend": ("reached", np.array([1, 2]), REACH[0], np.array([2, 1]), *REACH[2:]),
    "probes below none": ("reached", np.array([1, 2]), REACH[0], np.array([-1, 1]), *REACH[2:]),
    "reached with more numbers of probes": ("reached", np.array([1, 2]), *REACH[:6], np.zeros((3, 3), bool)),
    "other rows than few components": ("assign", ROWS[:3], *ASSIGN),
    "fewer squares": ("assign", ROWS, ROWS, NORMS[:3], *ASSIGN[2:]),
    "more centroids than products": ("assign", ROWS, ROWS, NORMS, np.ones((3, 2), F), *ASSIGN[3:]),
    "fewer halves": ("assign", ROWS, ROWS, NORMS, ROWS[:2], NORMS[:1], *ASSIGN[4:]),
    "products of other centroids": ("assign", *ASSIGN[:1], *ASSIGN[:4], ROWS, *ASSIGN[5:]),
    "no centroids": ("assign", ROWS[:, :0], ROWS, NORMS, ROWS[:0], NORMS[:0], None, *ASSIGN[5:]),
    "one centroid and a second": ("assign", ROWS[:, :1], ROWS, NORMS, ROWS[:1], NORMS[:1], ROWS[:1, :1], *ASSIGN[5:]),
    "none of the centroids": ("assign", ROWS, *ASSIGN[:5], 0, *ASSIGN[6:]),
    "assigned into too little": ("assign", ROWS, *ASSIGN[:9], NEAR[:3], *ASSIGN[10:]),
    "a partition that is not in the section": ("compare", SECTION, STARTS, FIRST, np.array([2]), *COMPARE),
    "compared after the section": ("compare", SECTION, STARTS + 48, FIRST, FIRST_ONLY, *COMPARE),
    "compared into too little": ("compare", SECTION, STARTS, FIRST, np.array([0, 1]), *COMPARE),
    "compared into too much": ("compare", SECTION, STARTS, FIRST, FIRST_ONLY[:0], *COMPARE),
    "norms of other entries": ("compare", SECTION, STARTS, FIRST, FIRST_ONLY, *COMPARE[:3], HALVES[:1], *COMPARE[4:]),
    "few planes of levels": ("compare", SECTION, STARTS, FIRST, FIRST_ONLY, WORDS, np.ones((4, 1), U), *COMPARE[2:]),
    "levels of more words": ("compare", SECTION, STARTS, FIRST, FIRST_ONLY, WORDS, np.ones((5, 2), U), *COMPARE[2:]),
    "a score of a row that does not exist": ("add_scores", np.array([4]), None, *SCORES),
    "a score of a negative row": ("add_scores", np.array([-1]), None, *SCORES),
    "counts of other rows": ("add_scores", np.array([0, 1]), np.ones(1, B), *SCORES),
    "lengths of other rows": ("add_scores", np.array([0]), None, np.ones(3, B), *SCORES[1:]),
    "no lengths": ("add_scores", np.array([0]), None, None, *SCORES[1:]),
    "counts that are signed": ("add_scores", np.array([0]), np.ones(1, np.int8), *SCORES),
    "a weight that is not a number": ("add_scores", np.array([0]), None, SCORES[0], None, *SCORES[2:]),
    "a directory after the section": ("document_spans", SECTION, 60, 76, 16, np.array([0])),
    "a directory over the blocks": ("document_spans", SECTION, 8, 16, 16, np.array([0])),
    "more rows than a section can have": ("document_spans", SECTION, 8, 24, 2**62, np.array([0])),
}


def test_the_calls_that_are_changed_to_bad_ones_are_valid() -> None:
    assert native is not None
    native.compare(SECTION, STARTS, FIRST, FIRST_ONLY, *COMPARE)
    native.assign(ROWS, *ASSIGN)
    native.encode(ROWS, QUERY, np.ones((2, 2), F), *ENCODE)
    native.likely_lists(SETS, np.array([0, 1]), *LISTS)
    native.reached(np.array([1, 2]), *REACH)
    native.add_scores(np.array([0, 3]), np.ones(2, B), *SCORES)


@pytest.mark.parametrize("call", BAD_CALLS.values(), ids=BAD_CALLS)
def test_arrays_that_do_not_fit_are_refused(call: tuple[object, ...]) -> None:
    name, *arguments = call
    with pytest.raises((TypeError, ValueError, BufferError)):
        getattr(native, str(name))(*arguments)
