"""What a link to download an object must keep to."""

import re
from typing import Final

LONGEST_LINK: Final = 7 * 24 * 3600  # seconds that S3 takes

_PLAIN: Final = re.compile(r"[A-Za-z0-9._ -]{1,255}")  # what needs no escapes inside the quotes of a header


def check_link(seconds: int, filename: str) -> None:
    """Raise ValueError where S3, or a browser, would not take the link."""
    if not 1 <= seconds <= LONGEST_LINK:
        raise ValueError(f"a link must hold for 1 to {LONGEST_LINK:,} seconds, not {seconds:,}")
    if not _PLAIN.fullmatch(filename):
        raise ValueError(f"a download cannot be called {filename!r}")
