"""Rank the matches of a search again, by a model that reads the query and the text of each match."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from math import isfinite
from typing import Any, Protocol, TypeAlias

import msgspec
from msgspec import structs

from vectord_client.errors import ArgumentInvalid, VectordError
from vectord_client.hits import Hit, Hits
from vectord_client.metadata_paths import values_at


class RerankFailed(VectordError):
    """The scorer of a rerank did not return a finite number for each text."""


class CrossEncoder(Protocol):
    """A model that scores pairs of a query and a text, such as a CrossEncoder of sentence-transformers."""

    def predict(self, pairs: Any, /) -> Any:
        """Return a score for each pair."""


# Returns a score for each text, in their order; the higher, the more relevant to the query. `arerank` awaits it.
Score: TypeAlias = Callable[[str, list[str]], Any]
Scorer: TypeAlias = Score | CrossEncoder


def rerank(hits: Hits, query: str, scorer: Scorer, *, text: str | Sequence[str], k: int | None = None) -> Hits:
    """Return the `k` hits with the highest scores for a query, or all of them, the highest first.

    `scorer` is called once, with the query and a list of texts, and returns a finite number for each text; an object
    with a method `predict` gets a list of pairs (query, text). The text of a hit is what its metadata has at the path
    `text`, or at several paths, joined by line breaks. Each hit keeps its numbers and gets a `rerank_score`. Hits
    without a text get none, and follow the others in their order. `next` is None: to rank more, search with a larger k.

    Raises:
        RerankFailed: The scorer did not return a finite number for each text.
        ArgumentInvalid: No hit has a text at the path, the query is not a text, or `k` is less than 1.
    """
    return structs.replace(hits, matches=tuple(rerank_matches(hits.matches, query, scorer, text, k)), next=None)


async def arerank(hits: Hits, query: str, scorer: Scorer, *, text: str | Sequence[str], k: int | None = None) -> Hits:
    """Rank hits as `rerank` does. The scorer may be a coroutine function; any other is called in a thread."""
    matches = await arerank_matches(hits.matches, query, scorer, text, k)
    return structs.replace(hits, matches=tuple(matches), next=None)


def rerank_matches(
    matches: Sequence[Hit], query: str, scorer: Scorer, text: str | Sequence[str], k: int | None
) -> list[Hit]:
    """Rank matches as `rerank` does."""
    task = _task(matches, query, text, k)
    return task.ranked(_call(scorer, query, task.texts) if task.texts else ())


async def arerank_matches(
    matches: Sequence[Hit], query: str, scorer: Scorer, text: str | Sequence[str], k: int | None
) -> list[Hit]:
    """Rank matches as `arerank` does."""
    import asyncio  # noqa: PLC0415  it takes a sixth of the time of httpx2, and only coroutines need it

    task = _task(matches, query, text, k)
    if not task.texts:
        return task.ranked(())
    returned = await asyncio.to_thread(_call, scorer, query, task.texts)
    return task.ranked(await returned if isinstance(returned, Awaitable) else returned)


class _Task(msgspec.Struct, frozen=True):
    """Matches with the text of each, `texts`; `others` have none. `k` of all are wanted."""

    matches: list[Hit]
    texts: list[str]
    others: list[Hit]
    k: int | None

    def ranked(self, returned: Any) -> list[Hit]:
        """Return the matches by descending scores; equal ones keep their order."""
        scores = _scores(returned, len(self.texts))
        scored = [structs.replace(hit, rerank_score=score) for hit, score in zip(self.matches, scores, strict=True)]
        scored.sort(key=lambda hit: -(hit.rerank_score or 0.0))
        return [*scored, *self.others][: self.k]


def _task(matches: Sequence[Hit], query: str, text: str | Sequence[str], k: int | None) -> _Task:
    if not isinstance(query, str):
        raise ArgumentInvalid(f"query must be a text, not {type(query).__name__}.")
    if k is not None and k < 1:
        raise ArgumentInvalid(f"k is {k}, and must be at least 1.")
    paths = [text] if isinstance(text, str) else list(text)
    texts = [_text_at(hit.metadata, paths) for hit in matches]
    if matches and not any(texts):
        raise ArgumentInvalid(
            f"No hit has a text at {' or '.join(map(repr, paths)) or 'a path'}. Give the metadata path of the texts, "
            "and search with the metadata included."
        )
    pairs = list(zip(matches, texts, strict=True))
    return _Task(
        [hit for hit, found in pairs if found],
        [found for found in texts if found],
        [hit for hit, found in pairs if not found],
        k,
    )


def _text_at(metadata: Any, paths: Iterable[str]) -> str:
    found = (value for path in paths for value in values_at(metadata, path.removeprefix("\\")))
    return "\n".join(value for value in found if isinstance(value, str) and value)


def _call(scorer: Scorer, query: str, texts: list[str]) -> Any:
    # A CrossEncoder can be called as well, but that is the forward pass of its network.
    predict = getattr(scorer, "predict", None)
    if predict is not None:
        return predict([(query, text) for text in texts])
    returned = scorer(query, texts)  # type: ignore[operator]  # a Score: it has no `predict`
    # A generator, as fastembed returns, computes while it is read: in the thread of `arerank`, not in its event loop.
    return list(returned) if isinstance(returned, Iterator) else returned


def _scores(returned: Any, count: int) -> list[float]:
    """Return what a scorer returned as floats: a list, an array, a tensor or an iterable of numbers."""
    listed = returned.tolist() if hasattr(returned, "tolist") else returned
    if isinstance(listed, str | bytes) or not isinstance(listed, Iterable):
        raise RerankFailed(f"The scorer returned {type(returned).__name__}, not a score for each of {count:,} texts.")
    scores = [each.tolist() if hasattr(each, "tolist") else each for each in listed]
    if len(scores) != count:
        raise RerankFailed(f"The scorer returned {len(scores):,} scores for {count:,} texts. It must score each text.")
    for position, score in enumerate(scores):
        if isinstance(score, bool) or not isinstance(score, int | float) or not isfinite(score):
            raise RerankFailed(f"The score of texts[{position}] is {score!r:.80}, which is not a finite number.")
    return [float(score) for score in scores]
