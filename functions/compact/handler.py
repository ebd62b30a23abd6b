"""{"index": name}: rebuild an index while changes go on, and thin its versions; {"thin": "all"}: thin all versions."""

from vectord.edge.events import compact
from vectord.runtime import compaction

lambda_handler = compact.handler(compaction.compaction, compaction.thinning)
