"""Which partitions a search probes."""

import numpy as np
from msgspec import structs

from tests.support import vectors as v
from tests.support.datasets import gaussian
from tests.support.partitions import divided
from vectord.index.query import probing
from vectord.index.query.planner import SearchPlan
from vectord.index.rows import RowMask


def test_a_filtered_search_probes_only_partitions_that_have_rows_of_the_filter() -> None:
    """The rows of the filter are all in the partition that is farthest from the query."""
    case = divided(gaussian(300, 130), 12, spilled=0.0)
    index, parts, query = v.of_matrix(case.vectors, "cosine"), case.opened(), case.vectors[0]
    assert index.base
    farthest = case.rows_of(parts.rank(parts.query(query), 12).tolist()[-1])
    mask = RowMask(np.isin(np.arange(300), farthest[:5]), np.zeros(0, bool), filtered=True)
    base, plan = structs.replace(index.base, parts=parts), SearchPlan("partitions", 20, probes=3)
    [found] = probing.find(index, base, mask, [query], 10, plan=plan)
    assert (sorted(found.rows), found.partitions, found.entries) == (farthest[:5], 1, len(farthest))
