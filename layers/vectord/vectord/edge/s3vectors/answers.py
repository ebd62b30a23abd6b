"""Vectors in answers: how they are shown, and how many of them one answer can have."""

from collections.abc import Sequence
from typing import Final

from vectord.edge import handler
from vectord.edge.s3vectors.records import NO_METADATA
from vectord.edge.s3vectors.vector_shapes import OutputVector, OutputVectorData, QueryOutputVector, QueryScores
from vectord.errors import AnswerTooLarge
from vectord.index.query.query import Match
from vectord.lhv1.params import Distance
from vectord.service.values.results import ListedVector

_REST: Final = 8_000  # bytes; more than any token and the names of the other members have


def output_vector(one: ListedVector, *, data: bool, metadata: bool) -> OutputVector:
    """Return a stored vector as GetVectors and ListVectors show it, with the requested members."""
    return OutputVector(
        key=one.id,
        data=OutputVectorData(float32=one.vector.tolist()) if data and one.vector is not None else None,
        metadata=(one.metadata or NO_METADATA) if metadata else None,
    )


def query_output_vector(
    match: Match, metric: Distance, *, distance: bool, metadata: bool, scores: QueryScores | None = None
) -> QueryOutputVector:
    """Return a match as QueryVectors shows it, with the requested members."""
    return QueryOutputVector(
        key=match.id,
        distance=shown_distance(match, metric) if distance else None,
        scores=scores,
        metadata=(match.metadata or NO_METADATA) if metadata else None,
    )


def shown_distance(match: Match, metric: Distance) -> float | None:
    """Return the distance of a match, None if it has none; under euclidean the square of the L2 norm, as in AWS."""
    if match.distance is None:
        return None
    return match.distance * match.distance if metric == "euclidean" else match.distance


def count_that_fits(vectors: Sequence[OutputVector | QueryOutputVector]) -> int:
    """Return how many of the first vectors fit into one answer, all if it has none.

    Raises:
        AnswerTooLarge: the first vector alone does not fit.
    """
    if _REST + sum(map(_greatest_size, vectors)) <= handler.MAX_ANSWER:
        return len(vectors)
    if count := handler.count_that_fits(vectors, bytes(_REST)):
        return count
    raise AnswerTooLarge(
        f"The vector {vectors[0].key[:256]!r} alone is larger than an answer may be. Leave out returnMetadata or "
        "returnData."
    )


def _greatest_size(one: OutputVector | QueryOutputVector) -> int:
    """Return a bound of the bytes of a vector in a response, which is quick to compute.

    A character of a key has at most 6 bytes of JSON, and a number 25. A byte of JSON text may become two in the
    response, which is a JSON string.
    """
    size = 12 * len(one.key) + 2 * len(one.metadata or b"") + 150
    if isinstance(one, OutputVector):
        return size + (25 * len(one.data.float32) if one.data else 0)
    scores = one.scores.bm25_scores or () if one.scores else ()
    return size + 150 + sum(12 * len(score.metadata_key) + 100 for score in scores)
