"""`make migrate`: copy an index of S3 Vectors into vectord. docs/s3vectors.md explains the options."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tools.command import console, interrupts
from tools.command.errors import Missing, ToolError
from tools.command.paths import CACHE
from tools.migrate.connect import API_GATEWAY, S3_VECTORS, Authorization, sender, session, vectors_client
from tools.migrate.copying import Progress
from tools.migrate.destination import NATIVE, Destination
from tools.migrate.migration import MOST_SEGMENTS, Places, migrate
from tools.migrate.rows import MAX_ROWS, Rows
from tools.migrate.source import Source, parse_address
from tools.migrate.state import StateRefused

STATES = CACHE / "migrate"
LINE_SECONDS = 5.0  # between two lines of progress, without a terminal
TOKEN = "VECTORD_TOKEN"


class Console:
    """Prints the progress: one line that is rewritten on a terminal, else a line every few seconds."""

    def __init__(self, total: int | None) -> None:
        self._total, self._shown, self._open = total, 0.0, False
        self._tty = sys.stdout.isatty()

    def say(self, message: str) -> None:
        """Print a message on a line of its own."""
        if self._open:
            print()
        self._open = False
        print(message, flush=True)

    def copied(self, progress: Progress) -> None:
        """Print vectors, rate, segments, and the time that is left if the total is known."""
        rate = progress.rows_now / max(progress.seconds, 1e-9)
        text = f"copied {progress.rows:,}"
        if self._total:
            text += f" of {self._total:,}"
        text += f" vectors, {rate:,.0f}/s, {progress.done} of {progress.segments} segments complete"
        if progress.restarted:
            text += f", {progress.restarted} restarted"
        if self._total and rate and (left := self._total - progress.rows) > 0:
            text += f", about {left / rate:,.0f} s left"
        self._line(text, last=progress.done == progress.segments)

    def checked(self, keys: int) -> None:
        """Print how many keys were verified."""
        self._line(f"verified {keys:,} keys", last=False)

    def _line(self, text: str, *, last: bool) -> None:
        if self._tty:
            print(f"\r{text.ljust(100)}", end="", flush=True)
            self._open = True
        elif last or time.monotonic() - self._shown >= LINE_SECONDS:
            self._shown = time.monotonic()
            print(text, flush=True)


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="tools.migrate", description="Copy an index of S3 Vectors into vectord.")
    parser.add_argument("source", metavar="VECTOR-BUCKET/INDEX", help="the index to copy, or its ARN")
    parser.add_argument("--to", required=True, metavar="URL", help="the URL of the vectord API")
    parser.add_argument("--to-index", metavar="VECTOR-BUCKET/INDEX", help="the copy's name; by default the same")
    parser.add_argument(
        "--authorization",
        choices=("iam", "jwt", "none"),
        default="iam",
        help="of the vectord API; jwt sends $VECTORD_TOKEN",
    )
    parser.add_argument("--profile", help="AWS profile for the source")
    parser.add_argument("--region", help="region of the source")
    parser.add_argument("--endpoint-url", help="endpoint of the source; by default Amazon S3 Vectors")
    parser.add_argument(
        "--sign-source",
        choices=(S3_VECTORS, API_GATEWAY),
        default=S3_VECTORS,
        help="execute-api if the source is behind API Gateway, such as another vectord",
    )
    parser.add_argument("--to-profile", help="AWS profile for vectord; by default the source's")
    parser.add_argument("--to-region", help="region of vectord; by default the one in its URL, or the source's")
    parser.add_argument("--segments", type=int, default=8, help=f"readers side by side, 1 to {MOST_SEGMENTS}")
    parser.add_argument(
        "--batch-rows", type=int, default=MAX_ROWS, help="the most vectors in a request; by default as many as fit"
    )
    parser.add_argument("--rows", type=int, help="about how many vectors there are, for the time that is left")
    parser.add_argument("--state", type=Path, help=f"file that remembers how far the copy is; by default in {STATES}")
    found = parser.parse_args(arguments)
    if not 1 <= found.segments <= MOST_SEGMENTS:
        parser.error(f"--segments must be 1 to {MOST_SEGMENTS}")
    if not 1 <= found.batch_rows <= MAX_ROWS:
        parser.error(f"--batch-rows must be 1 to {MAX_ROWS}")
    if not found.to.startswith(("https://", "http://")):
        parser.error("--to must be a URL, such as https://API.execute-api.REGION.amazonaws.com")
    return found


def run(found: argparse.Namespace, state: Path) -> None:
    """Migrate as the options say.

    Raises:
        ToolError: the copy failed, or differs.
    """
    address = parse_address(found.source)
    target = parse_address(found.to_index or str(address))
    token = os.environ.get(TOKEN)
    if found.authorization == "jwt" and not token:
        raise Missing(f"--authorization jwt sends the token in ${TOKEN}, which is not set")
    authorization: Authorization = found.authorization
    near = session(found.profile, found.region)
    far = session(found.to_profile or found.profile, found.to_region or found.region)
    source = Source(vectors_client(near, found.endpoint_url, found.sign_source), address)
    control = vectors_client(
        far,
        found.to,
        API_GATEWAY,
        token=token if authorization == "jwt" else None,
        unsigned=authorization != "iam",
    )
    name = NATIVE.format(bucket=target.bucket, index=target.index)
    rows = Rows(sender(far, found.to, authorization, token), name, most_rows=found.batch_rows)
    places = Places(found.endpoint_url or f"aws {near.region_name or ''}".strip(), found.to)
    report = Console(found.rows)
    migrate(source, Destination(control, target, rows), places, state=state, segments=found.segments, report=report)


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    found = options(arguments)
    state: Path = found.state or STATES / f"{found.source.rpartition(':')[2].replace('/', '-')}.json"
    interrupts.install()
    try:
        run(found, state)
    except interrupts.Stopped as stop:
        console.say(f"stopped by {stop}{_how_to_continue(state)}")
        return stop.exit_code
    except StateRefused as problem:
        console.fail(str(problem))
        return 1
    except ToolError as problem:
        console.fail(f"{problem}{_how_to_continue(state)}")
        return 1
    return 0


def _how_to_continue(state: Path) -> str:
    return f"\nRun the same command again to continue (the state is in {state})." if state.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
