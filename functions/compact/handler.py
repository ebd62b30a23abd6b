"""{"index": name}: build a large index anew, beside the changes that go on."""

from vectord.edge.events import compact
from vectord.runtime import compaction

lambda_handler = compact.handler(compaction.compaction)
