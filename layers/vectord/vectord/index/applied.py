"""The envelope's `applied`: which commits and uploads led to a state, so that a repeat changes nothing.

Tokens, newest last: a commit's is its id; an upload's is `u:<hash of its key>:<sequencer>`, one a key, the newest.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

MAX_COMMITS: Final = 32  # as many writers may come in between a lost reply and the look for it
MAX_UPLOADS: Final = 1_000  # keys whose latest upload is known: 45 KB of envelope at most

_UPLOAD: Final = "u:"


def with_commit(applied: Sequence[str], commit: str) -> tuple[str, ...]:
    """Return `applied` with `commit` as its newest commit."""
    uploads = [token for token in applied if token.startswith(_UPLOAD)]
    commits = [token for token in applied if not token.startswith(_UPLOAD)]
    return (*uploads, *commits[-MAX_COMMITS + 1 :], commit)


def with_upload(applied: Sequence[str], key: str, sequencer: str) -> tuple[str, ...]:
    """Return `applied` with `sequencer` as the newest of `key`."""
    mine = _prefix(key)
    others = [token for token in applied if token.startswith(_UPLOAD) and not token.startswith(mine)]
    commits = [token for token in applied if not token.startswith(_UPLOAD)]
    return (*others[-MAX_UPLOADS + 1 :], mine + sequencer, *commits)


def is_stale(applied: Sequence[str], key: str, sequencer: str) -> bool:
    """Tell whether this upload of `key`, or a newer one, is applied already."""
    mine = _prefix(key)
    return any(_as_new(token.removeprefix(mine), sequencer) for token in applied if token.startswith(mine))


def _prefix(key: str) -> str:
    return f"{_UPLOAD}{hashlib.blake2b(key.encode(), digest_size=8).hexdigest()}:"


def _as_new(held: str, sequencer: str) -> bool:
    # S3's user guide, "Event message structure": pad the shorter with zeros on the right, compare as text.
    width = max(len(held), len(sequencer))
    return held.ljust(width, "0") >= sequencer.ljust(width, "0")
