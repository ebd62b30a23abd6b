"""The answer that describes a queued change."""

from typing import Annotated, Final, Literal

import msgspec

from vectord.edge.schemas.fields import ref, schema

_RESULTS: Final = ("Added", "Patched", "Deleted")


class Change(msgspec.Struct, frozen=True):
    """A queued change: `result` and `etag` are what the answer to the change would have had, once it is applied.

    `problem` says why it failed: nothing was changed. A sharded index has no ETag.
    """

    token: Annotated[str, schema(pattern="^[0-9a-f]{32}$")]
    state: Literal["queued", "applied", "failed"]
    result: Annotated[msgspec.Raw, schema(anyOf=[ref(name) for name in _RESULTS])] | msgspec.UnsetType = msgspec.UNSET
    etag: str | msgspec.UnsetType = msgspec.UNSET
    problem: Annotated[msgspec.Raw, schema(**ref("Problem"))] | msgspec.UnsetType = msgspec.UNSET
