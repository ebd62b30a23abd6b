"""`make local`: run the stack on this machine until Ctrl-C."""

import signal
import sys
from pathlib import Path

from tools.build.sam_build import build
from tools.command.run import run_tool
from tools.stack.stack import running_stack

BY_CTRL_C = 128 + signal.SIGINT  # the normal way to end it
HINTS = r"""
The API answers at
  {url}

Try it from another terminal:
  URL='{url}'
  curl -w '\n' "$URL/indexes" -d '{{"name": "colours", "dimension": 3}}'
  curl -w '\n' "$URL/indexes/colours/vectors" -d '{{"vectors": [
    {{"id": "red", "vector": [1, 0, 0]}}, {{"id": "orange", "vector": [0.8, 0.5, 0], "metadata": {{"warm": true}}}}]}}'
  curl -w '\n' "$URL/indexes/colours/search" -d '{{"vector": [0.9, 0.4, 0], "k": 2}}'

Each index is one object in s3://{bucket} at the S3 endpoint {endpoint} (any credentials).
Ctrl-C stops the stack and removes everything.
"""


def local(folder: Path) -> None:
    """Build, start, deploy, and wait for a signal."""
    build(folder)
    with running_stack(folder) as stack:
        print(HINTS.format(url=stack.url, bucket=stack.bucket, endpoint=stack.endpoint), flush=True)
        while True:
            signal.pause()


if __name__ == "__main__":
    status = run_tool(local)
    sys.exit(0 if status == BY_CTRL_C else status)
