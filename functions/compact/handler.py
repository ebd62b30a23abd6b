"""{"index": name}: rebuild a large index while changes go on."""

from vectord.edge.events import compact
from vectord.runtime import compaction

lambda_handler = compact.handler(compaction.compaction)
