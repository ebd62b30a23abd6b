"""Which earlier versions of an index a folder keeps: by default, by its file `.versions.json`, or by a `file:` URL."""

from typing import Annotated, Final
from urllib.parse import parse_qsl

import msgspec

from vectord.errors import FolderRefused

FILE: Final = ".versions.json"
_DAY: Final = 24 * 3_600  # seconds
_MB: Final = 1 << 20  # bytes

_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
_Amount = Annotated[float, msgspec.Meta(ge=0, le=1_000_000_000)]


class Keep(msgspec.Struct, frozen=True):
    """Which earlier versions of an index are kept; the first bound that is reached applies.

    At most `versions` of them, for at most `seconds` after they were replaced or deleted, and of at most `bytes`
    together; the newest one may be larger.
    """

    versions: int = 10
    seconds: float = 7 * _DAY
    bytes: int = 256 * _MB


class _Settings(msgspec.Struct, forbid_unknown_fields=True):
    """The same in the units that people write."""

    versions: _Count = Keep().versions
    days: _Amount = Keep().seconds / _DAY
    megabytes: _Amount = Keep().bytes / _MB

    def keep(self) -> Keep:
        return Keep(self.versions, self.days * _DAY, int(self.megabytes * _MB))


def of_query(query: str) -> Keep:
    """Return what the query of a `file:` URL says, such as `versions=20&days=30`.

    Raises:
        ValueError: it has an unknown option, or a value that is not a number of at least 0.
    """
    try:
        return msgspec.convert(dict(parse_qsl(query, keep_blank_values=True)), _Settings, strict=False).keep()
    except msgspec.ValidationError as error:
        raise ValueError(
            f"a file: URL may have the options versions, days and megabytes, numbers of at least 0 ({error})"
        ) from error


def of_file(text: bytes) -> Keep:
    """Return what the file `.versions.json` says, such as `{"versions": 20, "days": 30}`.

    Raises:
        FolderRefused: it has an unknown key, or a value that is not a number of at least 0.
    """
    try:
        return msgspec.json.decode(text, type=_Settings).keep()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FolderRefused(
            f"The file {FILE} in the store's folder must be a JSON object with the keys versions, days and megabytes, "
            f"numbers of at least 0 ({error}). Correct or remove it."
        ) from error
