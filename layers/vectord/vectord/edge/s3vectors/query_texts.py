"""The texts of a query as a search by words, and the scores of its matches."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import structs

from vectord.edge.s3vectors import answers
from vectord.edge.s3vectors.endpoint import check_enhanced
from vectord.edge.s3vectors.faults import FieldError, FieldsInvalid, ShapeInvalid, repeated_keys
from vectord.edge.s3vectors.vector_shapes import Bm25Score, QueryScores, QueryText
from vectord.index.query.query import Fusion, Match, Query, TextSearch
from vectord.index.query.text_limits import MAX_CANDIDATES
from vectord.index.state import Index
from vectord.lhv1.bucket_index import BucketIndex
from vectord.lhv1.params import Distance
from vectord.lhv1.text_fields import of_texts
from vectord.service.values.text_fields import searchable_fields

MAX_HYBRID: Final = 2 * MAX_CANDIDATES  # matches of a hybrid query: all rows of its two lists

_ABSENT: Final = "the key has no text search configuration in this index"
_BUILDING: Final = "the text search of the key is still being built: GetIndex returns its status"
_FEW: Final = 100  # matches; a query for no more of them joins lists of the usual length


class Texts(msgspec.Struct, frozen=True):
    """The texts of a query, and whether its matches have scores."""

    texts: Sequence[QueryText]
    scores: bool

    def added_to(self, query: Query) -> Query:
        """Return a query for the texts, beside its vector if it has one.

        Each key is searched for its own text, and the relevance of a match is the sum of those of its keys.

        Raises:
            FieldsInvalid: a key has several texts, or it is a hybrid query for too many matches.
        """
        keys = [one.metadata_key for one in self.texts]
        if repeated := repeated_keys(keys, "queryTexts"):
            raise _invalid(repeated)
        if query.vectors and query.k > MAX_HYBRID:
            reason = f"Value at '/topK' failed to satisfy constraint: Member must be between 1 and {MAX_HYBRID}"
            raise ShapeInvalid([FieldError("/topK", f"{reason}, inclusive, with queryVector and queryTexts")])
        return structs.replace(
            query,
            text=TextSearch("", dict.fromkeys(keys, 1.0), queries={one.metadata_key: one.text for one in self.texts}),
            fusion=Fusion() if query.k <= _FEW else Fusion(candidates=MAX_CANDIDATES),
            explain=self.scores,
        )

    def check(self, index: Index, stored: BucketIndex) -> None:
        """Check that an index can be searched for the texts.

        Raises:
            RequestInvalid: it is not ENHANCED, or a key has no text search configuration, or is being built.
        """
        check_enhanced(stored, "A query with queryTexts")
        declared = of_texts(index.params.text or {})
        searchable = searchable_fields(index) & declared.keys()
        keys = [(position, one.metadata_key) for position, one in enumerate(self.texts)]
        fields = [
            FieldError(f"queryTexts[{position}].metadataKey", _BUILDING if key in declared else _ABSENT)
            for position, key in keys
            if key not in searchable
        ]
        if fields:
            raise _invalid(fields)

    def scores_of(self, match: Match, metric: Distance) -> QueryScores | None:
        """Return the scores of a match, None if they are not requested.

        A hybrid match has the scores of its words also if it is in the answer for its vector alone.
        """
        explanation = match.explanation
        if explanation is None:
            return None
        keys = [one.metadata_key for one in self.texts]
        found = {key: [term.share for term in explanation.terms if term.field == key] for key in keys}
        return QueryScores(
            fused=match.score,
            bm25_scores=[Bm25Score(metadata_key=key, score=sum(shares)) for key, shares in found.items() if shares],
            vector_distance=answers.shown_distance(match, metric) if explanation.vector_rank is not None else None,
        )


def _invalid(fields: Sequence[FieldError]) -> FieldsInvalid:
    return FieldsInvalid(f"Invalid query text at {fields[0].path}: {fields[0].message}", fields)
