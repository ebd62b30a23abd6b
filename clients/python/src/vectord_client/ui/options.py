"""How the page's server is configured."""

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows as its target, the embedder of texts, and the seconds for a request with its repeats."""

    target: str = ""
    embedder: str | None = None
    timeout: float = 60.0
