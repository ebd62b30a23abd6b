"""What a client talks to: the URL of an API, or a folder."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from vectord_client.errors import NoTarget, TargetInvalid

_ADDRESS: Final = re.compile(r"(localhost|[\w.-]+\.amazonaws\.com(\.cn)?|[\w.-]+:\d+)(/.*)?")


def resolve(target: "str | os.PathLike[str] | None", environment: Mapping[str, str]) -> str | Path:
    """Return the URL as text, or the folder as a path; VECTORD_URL stands in for a target that is None.

    Raises:
        NoTarget: `target` is None, and VECTORD_URL is not set.
        TargetInvalid: The target is neither a URL nor a folder.
    """
    if target is None:
        target = environment.get("VECTORD_URL", "").strip()
        if not target:
            raise NoTarget(
                "The target is missing: neither a URL nor a folder is given.",
                advice="Set VECTORD_URL, or give Client a URL or a folder: Client('./data').",
            )
    text = os.fspath(target)
    if not isinstance(text, str) or not text.strip():
        raise TargetInvalid(f"{target!r} is neither a URL nor a folder.")
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", text)
    if scheme is not None and isinstance(target, str):
        return _of_scheme(text, scheme[1].lower())
    if isinstance(target, str) and _ADDRESS.fullmatch(text):
        raise TargetInvalid(
            f"{text!r} looks like an address: write https://{text} or http://{text}, or ./{text} for a folder."
        )
    return _folder(text, text)


def _folder(path: str, target: str) -> Path:
    """Return a path with `~` resolved.

    Raises:
        TargetInvalid: No file system can have this path, or the user of `~user` does not exist.
    """
    if "\0" in path:
        raise TargetInvalid(f"{target!r} is not a path: it contains the character NUL.")
    try:
        os.fsencode(path)
        return Path(path).expanduser()
    except (UnicodeEncodeError, RuntimeError) as error:
        raise TargetInvalid(f"{target!r} is not a path: {error}") from error


def _of_scheme(text: str, scheme: str) -> str | Path:
    if scheme in ("http", "https"):
        return text
    if scheme == "file":
        parts = urlsplit(text)
        if parts.query or parts.fragment:
            raise TargetInvalid(
                f"{text!r} has options. Write the path alone; the settings for earlier versions go into the file "
                ".versions.json in the folder."
            )
        if parts.netloc in ("", "localhost") and parts.path.strip("/"):
            return _folder(unquote(parts.path), text)
        raise TargetInvalid(f"{text!r} is not the URL of a folder: write file:///absolute/path, with three slashes.")
    raise TargetInvalid(f"{text!r}: use http:// or https:// for a deployment, or a folder for embedded mode.")
