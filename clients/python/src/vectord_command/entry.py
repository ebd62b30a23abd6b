"""Start the command `vectord`.

The imports of `vectord_client` need some tenths of a second. They are inside the function, so that Ctrl-C during them
ends the command as Ctrl-C ends it later: with a message and exit code 130, not with a traceback.
"""

import sys

_INTERRUPTED = 130  # 128 + SIGINT, as shells count; Exit.INTERRUPTED


def main() -> int:
    """Run the command of this process's arguments and return its exit code."""
    try:
        from vectord_client.cli.main import main as run  # noqa: PLC0415  Ctrl-C may come while it is imported

        return run()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return _INTERRUPTED
