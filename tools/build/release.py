"""The release of a build: a hash of all files and of the template that are deployed.

The same tree gives the same release. The build writes it into the description of the search function. A new description
is a new configuration, so that Lambda publishes a version: it refuses to publish one that equals the latest version.
"""

import hashlib
from pathlib import Path

from tools.command.errors import GateFailed

PLACEHOLDER = "UNBUILT"  # in template.yaml, wherever the release belongs
_DIGITS = 16


def write(build: Path) -> str:
    """Replace the placeholder in the built template with the release of the build, and return the release.

    Raises:
        GateFailed: the template has no placeholder.
    """
    template = build / "template.yaml"
    text = template.read_text(encoding="utf-8")
    if PLACEHOLDER not in text:
        raise GateFailed(f"{template} has no {PLACEHOLDER} that the release could replace")
    release = of(build)
    template.write_text(text.replace(PLACEHOLDER, release), encoding="utf-8")
    return release


def of(build: Path) -> str:
    """Return 16 hex digits of the SHA-256 of the paths and contents of all files under a folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in build.rglob("*") if path.is_file()):
        for part in (path.relative_to(build).as_posix().encode(), path.read_bytes()):
            digest.update(len(part).to_bytes(8))
            digest.update(part)
    return digest.hexdigest()[:_DIGITS]
