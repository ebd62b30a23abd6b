"""{"index": name}: build a large index anew, beside the changes that go on."""

from vectord import runtime_compact
from vectord.edge import compact

lambda_handler = compact.handler(runtime_compact.compaction)
