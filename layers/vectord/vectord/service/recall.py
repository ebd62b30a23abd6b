"""Recall on tap: how much of the exact answers searches find, measured while somebody waits."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from vectord.errors import RequestInvalid
from vectord.index.query.query import MAX_PROBES
from vectord.index.query.recall import Measured, Probe, measure, sample
from vectord.index.state import Index
from vectord.lhv1.params import Params
from vectord.readers.entry import Components
from vectord.service import validation
from vectord.service.dispatch import Core
from vectord.service.query import Ask
from vectord.service.search import check_ask

_SEED: Final = 20_261_123


class Recalled(msgspec.Struct, frozen=True):
    """What was measured of an index of `count` vectors, of which `k` were asked for.

    `curves` is way of searching -> effort -> recall@10, as the last build measured it.
    """

    measured: Measured
    k: int
    count: int
    curves: Mapping[str, Mapping[int, float]]
    etag: str


class Recalls:
    """Measurements of recall, over a core."""

    def __init__(self, core: Core) -> None:
        self._core, self.environment = core, core.environment

    def recall(
        self, name: str, ask: Ask, until: float, *, queries: Sequence[Components] = (), sampled: int = 50
    ) -> Recalled:
        """Measure searches for `queries`, or for `sampled` stored vectors, which are no answer to themselves.

        What there is no time for is left out: at least one query is measured.

        Raises:
            RequestInvalid: too many queries, or one that does not fit; or the index is in shards.
        """
        check_ask(ask)
        if not 1 <= (len(queries) or sampled) <= MAX_PROBES:
            raise RequestInvalid(f"recall takes 1 to {MAX_PROBES} queries, not {len(queries) or sampled:,}")

        def probe(index: Index) -> Measured:
            probes = [Probe(validation.checked_query(query, index.params)) for query in queries] or sample(
                index, sampled, np.random.default_rng(_SEED)
            )
            query, among = ask.of(index)
            return measure(index, probes, query, self.environment.now, until, matching=among)

        def refused(parent: Params) -> Recalled:
            raise RequestInvalid(
                f"index {name!r} is in {parent.shards} shards, whose recall is measured by comparing two searches: "
                "one with the recall that you ask for, one with a recall of 1"
            )

        core = self._core

        def here() -> Recalled:
            measured, state = core.plain.using(name, ask, until, probe)
            base = state.index.base
            return Recalled(measured, ask.k, len(state.index), base.calibration if base else {}, state.etag)

        return core.either(name, until, here, refused)
