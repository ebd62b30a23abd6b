"""Embeddings for the tests of the LangChain store."""

from math import cos, radians, sin

from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from vectord_client.embedding.embedder import FunctionEmbedder

MODEL = DeterministicFakeEmbedding(size=16)


class Angles(Embeddings):
    """Embeds "30" as the unit vector at 30 degrees, so that distances are known."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return [cos(radians(float(text))), sin(radians(float(text)))]


class Named(Angles):
    """Embeddings with the name of their model, at the attribute where a package of LangChain has it."""

    def __init__(self, **attributes: str) -> None:
        for attribute, name in attributes.items():
            setattr(self, attribute, name)


def embedder(name: str) -> FunctionEmbedder:
    """Return an embedder of vectord of 2 dimensions."""
    return FunctionEmbedder(name, 2, lambda texts: [[len(text), 1.0] for text in texts])
