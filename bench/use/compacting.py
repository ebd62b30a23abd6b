"""The compact function in a process of its own: `python -m bench.use.compacting JOB`. Each command names an index."""

import json
import os
import sys
import time
from itertools import count
from pathlib import Path
from types import SimpleNamespace

from bench.handlers import load_handler
from bench.peers.adapters.vectord import PREFIX
from bench.peers.child import Job, Parent

_SECONDS = 900.0  # Lambda's limit


def main() -> None:
    job: Job = json.loads(Path(sys.argv[1]).read_bytes())
    parent, location = Parent(), job["location"]
    os.environ |= {
        "AWS_ENDPOINT_URL_S3": location["endpoint"],
        "VECTORD_STORE": f"s3://{location['bucket']}/{PREFIX}",
    }
    handler = load_handler("compact")
    parent.send("ready")
    for number in count():
        command = parent.receive()
        if command is None:
            break
        started = time.monotonic()
        context = SimpleNamespace(
            aws_request_id=f"compaction-{number}",
            function_name="compact",
            get_remaining_time_in_millis=lambda began=started: (began + _SECONDS - time.monotonic()) * 1000,
        )
        outcome = handler({"index": command["index"]}, context)["outcome"]
        parent.send("done", outcome=outcome, seconds=time.monotonic() - started)
    parent.send("end")


if __name__ == "__main__":
    main()
