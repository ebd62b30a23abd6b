"""One JSON line on stdout for each request: a log entry, and its metrics in CloudWatch's embedded metric format.

Format: "Specification: Embedded metric format" in the CloudWatch user guide. CloudWatch reads the metrics out of the
log, so that a request waits for no call. A line never holds a vector, metadata or a key of a bucket.
"""

import json
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

NAMESPACE: Final = "vectord"
UNITS: Final[dict[str, str]] = {
    "Latency": "Milliseconds",
    "CacheHits": "Count",
    "ColdLoads": "Count",
    "ReadBytes": "Bytes",
    "ReadRequests": "Count",
    "ColdLoadMilliseconds": "Milliseconds",
    "Commits": "Count",
    "Conflicts": "Count",
    "ShardsLeft": "Count",
    "FetchMilliseconds": "Milliseconds",
    "ParseMilliseconds": "Milliseconds",
    "CommitMilliseconds": "Milliseconds",
    "RowsCommitted": "Count",
    "RowsRejected": "Count",
    "CompactionsAsked": "Count",
    "CompactionsUnheard": "Count",
    "RowsBuilt": "Count",
    "BuildMilliseconds": "Milliseconds",
    "StageMilliseconds": "Milliseconds",
    "StagedBytes": "Bytes",
    "ExportedBytes": "Bytes",
}


def write(context: object, facts: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
    """Write a line of `facts`, with `metrics` (names of UNITS) under the function's name as their dimension."""
    line: dict[str, Any] = {"level": "info", "request": getattr(context, "aws_request_id", None), **facts}
    line |= {name: round(value, 3) for name, value in metrics.items()}
    function = getattr(context, "function_name", None)
    if function and metrics:
        line["Function"] = function
        line["_aws"] = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [_declared(metrics)]}
    sys.stdout.write(json.dumps(line) + "\n")  # the standard one, since it takes text that is no Unicode too


def _declared(metrics: Mapping[str, float]) -> dict[str, Any]:
    named = [{"Name": name, "Unit": UNITS[name]} for name in metrics]
    return {"Namespace": NAMESPACE, "Dimensions": [["Function"]], "Metrics": named}
