"""`python -m vectord_client` is the command `vectord`."""

import sys

from vectord_command.entry import main

if __name__ == "__main__":
    sys.exit(main())
