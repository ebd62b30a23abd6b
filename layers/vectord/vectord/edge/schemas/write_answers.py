"""What changes answer."""

from typing import Literal

import msgspec

from vectord.lhv1.params import Params


class Made(msgspec.Struct):
    """An index that was made, restored or copied."""

    index: Params
    count: int


class Added(msgspec.Struct):
    """`count` is null over shards, here and below."""

    added: int
    replaced: int
    count: int | None


class Patched(msgspec.Struct):
    patched: int
    count: int | None


class Deleted(msgspec.Struct):
    deleted: int
    count: int | None
    dry_run: Literal[True] | msgspec.UnsetType = msgspec.UNSET


class Upload(msgspec.Struct):
    """A link to PUT a file to, for `expires` seconds."""

    method: Literal["PUT"]
    url: str
    key: str
    expires: int
