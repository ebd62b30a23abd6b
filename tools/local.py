"""`make local`: keep the stack up on this machine until Ctrl-C."""

import signal
import sys
from pathlib import Path

from tools.build import build
from tools.run import run_tool
from tools.stack import running_stack

BY_CTRL_C = 128 + signal.SIGINT  # the way it is meant to end
HINTS = r"""
The API answers at
  {url}

Try it from another terminal:
  URL='{url}'
  curl -w '\n' "$URL/indexes" -d '{{"name": "colours", "dimension": 3}}'
  curl -w '\n' "$URL/indexes/colours/vectors" -d '{{"vectors": [
    {{"id": "red", "vector": [1, 0, 0]}}, {{"id": "orange", "vector": [0.8, 0.5, 0], "metadata": {{"warm": true}}}}]}}'
  curl -w '\n' "$URL/indexes/colours/search" -d '{{"vector": [0.9, 0.4, 0], "k": 2}}'

Each index is one object of s3://{bucket} on {endpoint} (any credentials).
Ctrl-C stops it and removes everything.
"""


def local(folder: Path) -> None:
    """Build, start, deploy, and wait."""
    build(folder)
    with running_stack(folder) as stack:
        print(HINTS.format(url=stack.url, bucket=stack.bucket, endpoint=stack.endpoint), flush=True)
        while True:
            signal.pause()


if __name__ == "__main__":
    status = run_tool(local)
    sys.exit(0 if status == BY_CTRL_C else status)
