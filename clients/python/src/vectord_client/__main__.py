"""`python -m vectord_client` is the command `vectord`."""

import sys

from vectord_client.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
