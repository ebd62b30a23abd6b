"""The envelope's `applied`: which commits, uploads and keyed requests led to a state, so that a repeat changes nothing.

Tokens, newest last of each kind: a commit's is its id; an upload's is `u:<hash of its key>:<sequencer>`, one a key, the
newest; that of a request with an Idempotency-Key is `i:<hash of the key>:<hash of the request>:<number>:<number>...`,
the numbers being what it was answered.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

MAX_COMMITS: Final = 32  # as many writers may come in between a lost reply and the look for it
MAX_UPLOADS: Final = 1_000  # keys whose latest upload is known: 45 KB of envelope at most
MAX_KEYS: Final = 256  # 15 KB of envelope at most

_UPLOAD: Final = "u:"
_KEYED: Final = "i:"
_EFFECT: Final = re.compile(r"([0-9a-f]{8})((?::[0-9]{1,18})+)")


def with_commit(applied: Sequence[str], commit: str) -> tuple[str, ...]:
    """Return `applied` with `commit` as its newest commit."""
    uploads, keyed, commits = _kinds(applied)
    return (*uploads, *keyed, *commits[-MAX_COMMITS + 1 :], commit)


def with_upload(applied: Sequence[str], key: str, sequencer: str) -> tuple[str, ...]:
    """Return `applied` with `sequencer` as the newest of `key`."""
    mine = _prefix(_UPLOAD, key)
    uploads, keyed, commits = _kinds(applied)
    others = [token for token in uploads if not token.startswith(mine)]
    return (*others[-MAX_UPLOADS + 1 :], mine + sequencer, *keyed, *commits)


def is_stale(applied: Sequence[str], key: str, sequencer: str) -> bool:
    """Tell whether this upload of `key`, or a newer one, is applied already."""
    mine = _prefix(_UPLOAD, key)
    return any(_as_new(token.removeprefix(mine), sequencer) for token in applied if token.startswith(mine))


def with_effect(applied: Sequence[str], key: str, request: str, effect: Sequence[int]) -> tuple[str, ...]:
    """Return `applied` with what the request of hash `request` (8 hex digits), which had `key`, was answered."""
    token = _prefix(_KEYED, key) + ":".join((request, *map(str, effect)))
    uploads, keyed, commits = _kinds(applied)
    return (*uploads, *keyed[-MAX_KEYS + 1 :], token, *commits)


def effect_of(applied: Sequence[str], key: str) -> tuple[str, tuple[int, ...]] | None:
    """Return the hash of the request that had `key`, and what it was answered; None if there was none."""
    mine = _prefix(_KEYED, key)
    for token in applied:
        if token.startswith(mine) and (found := _EFFECT.fullmatch(token.removeprefix(mine))):
            return found[1], tuple(map(int, found[2][1:].split(":")))
    return None


def _kinds(applied: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Return the tokens of uploads, of keyed requests, and of commits."""
    uploads = [token for token in applied if token.startswith(_UPLOAD)]
    keyed = [token for token in applied if token.startswith(_KEYED)]
    return uploads, keyed, [token for token in applied if not token.startswith((_UPLOAD, _KEYED))]


def _prefix(kind: str, key: str) -> str:
    return f"{kind}{hashlib.blake2b(key.encode(), digest_size=8).hexdigest()}:"


def _as_new(held: str, sequencer: str) -> bool:
    # S3's user guide, "Event message structure": pad the shorter with zeros on the right, compare as text.
    width = max(len(held), len(sequencer))
    return held.ljust(width, "0") >= sequencer.ljust(width, "0")
