"""The envelope's `applied`: which commits, uploads and keyed requests led to a state, so that repeats change nothing.

It is a list of tokens, the newest last of each type. A commit's token is its id. An upload's is
`u:<hash of its key>:<sequencer>`, one per key, the newest. The token of a request with an Idempotency-Key is
`i:<hash of the key>:<hash of the request>:<number>:<number>...`; the numbers are the first answer.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

MAX_COMMITS: Final = 32  # this many writers may commit between a lost reply and the read that looks for the commit
MAX_UPLOADS: Final = 1_000  # keys, each with its latest upload: at most 45 KB of envelope
MAX_KEYS: Final = 256  # at most 15 KB of envelope

_UPLOAD: Final = "u:"
_KEYED: Final = "i:"
_ANSWER: Final = re.compile(r"([0-9a-f]{8})((?::[0-9]{1,18})+)")


def with_commit(applied: Sequence[str], commit: str) -> tuple[str, ...]:
    """Return `applied` with `commit` as its newest commit."""
    uploads, keyed, commits = _by_type(applied)
    return (*uploads, *keyed, *commits[-MAX_COMMITS + 1 :], commit)


def with_upload(applied: Sequence[str], key: str, sequencer: str) -> tuple[str, ...]:
    """Return `applied` with `sequencer` as the newest of `key`."""
    prefix = _prefix(_UPLOAD, key)
    uploads, keyed, commits = _by_type(applied)
    others = [token for token in uploads if not token.startswith(prefix)]
    return (*others[-MAX_UPLOADS + 1 :], prefix + sequencer, *keyed, *commits)


def is_stale(applied: Sequence[str], key: str, sequencer: str) -> bool:
    """Return True if this upload of `key`, or a newer one, was applied."""
    prefix = _prefix(_UPLOAD, key)
    return any(_is_not_older(token.removeprefix(prefix), sequencer) for token in applied if token.startswith(prefix))


def with_answer(applied: Sequence[str], key: str, request: str, answer: Sequence[int]) -> tuple[str, ...]:
    """Return `applied` with the answer to the request of hash `request` (8 hex digits) with `key`."""
    token = _prefix(_KEYED, key) + ":".join((request, *map(str, answer)))
    uploads, keyed, commits = _by_type(applied)
    return (*uploads, *keyed[-MAX_KEYS + 1 :], token, *commits)


def answer_of(applied: Sequence[str], key: str) -> tuple[str, tuple[int, ...]] | None:
    """Return the hash of the request with `key` and its answer; None if no such request is recorded."""
    prefix = _prefix(_KEYED, key)
    for token in applied:
        if token.startswith(prefix) and (found := _ANSWER.fullmatch(token.removeprefix(prefix))):
            return found[1], tuple(map(int, found[2][1:].split(":")))
    return None


def _by_type(applied: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Return the tokens of uploads, of keyed requests, and of commits."""
    uploads = [token for token in applied if token.startswith(_UPLOAD)]
    keyed = [token for token in applied if token.startswith(_KEYED)]
    return uploads, keyed, [token for token in applied if not token.startswith((_UPLOAD, _KEYED))]


def _prefix(marker: str, key: str) -> str:
    return f"{marker}{hashlib.blake2b(key.encode(), digest_size=8).hexdigest()}:"


def _is_not_older(applied: str, sequencer: str) -> bool:
    # S3's user guide, "Event message structure": pad the shorter with zeros on the right, compare as text.
    width = max(len(applied), len(sequencer))
    return applied.ljust(width, "0") >= sequencer.ljust(width, "0")
