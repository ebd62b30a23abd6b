"""Search a sharded index: by vectors, by words, or by both, with the statistics and the ranks of all shards; count.

| search    | requests to each shard                                                                            |
|-----------|---------------------------------------------------------------------------------------------------|
| by vector | its nearest matches                                                                               |
| by words  | the statistics of the words, and then its best matches with the relevances by all statistics      |
| hybrid    | the statistics, then the rows of both of its lists; of the lists of all, the rows of the page     |
| count     | the number of its vectors, or its facets; before that the statistics, if words are looked for     |
"""

from collections.abc import Callable, Sequence
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
from msgspec import structs

from vectord.deadline import DeadlineCheck
from vectord.index.query import matches
from vectord.index.query.query import Answer, Explanation, Match, Query, Result, TextSearch, key_of_seen, sort_key
from vectord.index.state import empty_index
from vectord.lhv1.params import Params
from vectord.service.sharding.fan_out import Collect, as_read
from vectord.service.sharding.merge import ResultMerger, SortKey, etag_of, merge_facets
from vectord.service.sharding.messages import (
    CandidatesRequest,
    CountRequest,
    CountResult,
    FacetsRequest,
    FacetsResult,
    SearchRequest,
    ShardRequest,
    StatisticsRequest,
    StatisticsResult,
)
from vectord.service.sharding.placement import shard_names
from vectord.service.values.results import Counted, Facets, GetResult
from vectord.service.values.selection import FacetQuery, Members, TextSelection

if TYPE_CHECKING:
    from vectord.index.query.text.fusion import Ranking

_ALL: Final = 1 << 30  # matches; more than any shard has in its lists

type _Get = Callable[[Sequence[str], Members], GetResult]


class Results(Protocol):
    """Sends requests to shards, and returns the result of each; raises the first error."""

    def __call__[R](
        self, requests: Sequence[ShardRequest], kind: type[R], *, collect: Collect = as_read
    ) -> Sequence[R]: ...


class ShardSearch(msgspec.Struct, frozen=True):
    """Searches the shards of the index `parent` with `results`; `get` returns vectors by their ids.

    `check` raises DeadlineExceeded after the deadline.
    """

    parent: Params
    staleness: float | None
    results: Results
    get: _Get
    check: DeadlineCheck

    def search(self, query: Query) -> Result:
        """Return the matches of all shards.

        Raises:
            TextInvalid, CursorInvalid, AnswerTooLarge: as `SingleIndex.search` does.
        """
        if query.text is not None:
            query = self._with_statistics(query, query.text)
        if query.text is not None and query.vectors:
            return self._hybrid(query)
        requests = [SearchRequest(shard, query, self.staleness) for shard in shard_names(self.parent)]
        merged = self._merged(requests, query.k, sort_key if query.text is None else _by_relevance)
        if not query.paged:
            matches.check_size(query, self.parent.dimension, merged.answers)
        return _with_statistics_of(merged, query)

    def count(self, filter_text: str | None, text: TextSelection | None) -> Counted:
        """Count the vectors of all shards; raise TextInvalid as `SingleIndex.count` does."""
        words = self._selection(text)
        names = shard_names(self.parent)
        requests = [CountRequest(shard, filter_text, self.staleness, text=words) for shard in names]
        counted = self.results(requests, CountResult)
        return Counted(sum(one.count for one in counted), etag_of(self.parent, [one.etag for one in counted]))

    def facets(self, query: FacetQuery) -> Facets:
        """Merge the facets of the shards; one is approximate if a shard could not return all values.

        Raises:
            TextInvalid: as `SingleIndex.facets` does.
        """
        query = structs.replace(query, text=self._selection(query.text))
        requests = [FacetsRequest(shard, query, self.staleness) for shard in shard_names(self.parent)]
        found = self.results(requests, FacetsResult)
        of_paths = zip(*(one.facets for one in found), strict=True)
        facets = [merge_facets(of_path, query.limit) for of_path in of_paths]
        return Facets(facets, sum(one.count for one in found), etag_of(self.parent, [one.etag for one in found]))

    def _selection(self, text: TextSelection | None) -> TextSelection | None:
        """Return a selection by words, which are valid, with the statistics of all shards."""
        if text is None:
            return None
        known = self._with_statistics(Query(1, text=text.search), text.search).statistics
        return TextSelection(text.search, known)

    def _with_statistics(self, query: Query, text: TextSearch) -> Query:
        """Return the query, of which the words are valid, with the statistics of all shards or of its first page."""
        from vectord.index.query.text import carried, reading  # noqa: PLC0415  most indexes have no texts

        reading.analysed(empty_index(self.parent), text, query)
        if query.statistics is not None or text.sparse is not None:
            return query
        requests = [StatisticsRequest(shard, query, self.staleness) for shard in shard_names(self.parent)]
        found = self.results(requests, StatisticsResult)
        return structs.replace(query, statistics=carried.joined([each.statistics for each in found]))

    def _merged(self, requests: Sequence[ShardRequest], k: int, key: SortKey) -> Result:
        merger = ResultMerger(k, key)
        found = self.results(requests, Result, collect=merger.add)
        return merger.result(etag_of(self.parent, [each.etag for each in found]))

    def _hybrid(self, query: Query) -> Result:
        """Join the lists of all shards, and read the rows of the page; one that is deleted meanwhile is left out."""
        requests = [CandidatesRequest(shard, query, self.staleness) for shard in shard_names(self.parent)]
        merged = self._merged(requests, _ALL, attrgetter("id"))
        page = _page(merged.answer, query)
        found = page[: query.k]
        members = Members(query.include_metadata or query.highlight, query.include_vectors, query.max_bytes)
        if members.metadata or members.vectors:
            got = self.get([match.id for match in found], members)
            match_of = {match.id: match for match in found}
            read = [structs.replace(match_of[one.id], metadata=one.metadata, vector=one.vector) for one in got.vectors]
            more = len(page) > got.read
        else:
            read, more = found, len(page) > len(found)
        answer = structs.replace(merged.answer, matches=read, more=more)
        if query.highlight:
            answer = self._highlighted(answer, query)
        return _with_statistics_of(structs.replace(merged, answers=[answer]), query)

    def _highlighted(self, answer: Answer, query: Query) -> Answer:
        """Return the answer to a hybrid search, whose matches have their metadata, with highlights."""
        from vectord.index.query.text import highlighting, reading  # noqa: PLC0415  most indexes have no texts
        from vectord.index.query.text.words import Words  # noqa: PLC0415

        assert query.text is not None
        words = reading.analysed(empty_index(self.parent), query.text, query)
        assert query.statistics is not None
        assert isinstance(words, Words)  # a search by a sparse vector highlights nothing
        terms = reading.terms_of(words, query.statistics)
        return highlighting.highlighted(answer, words, terms, query, self.check)


def _by_relevance(match: Match) -> tuple[float, str]:
    return -(match.relevance or 0.0), match.id


def _with_statistics_of(result: Result, query: Query) -> Result:
    """Return the result, of whose answer a further page needs the statistics of the query."""
    if query.statistics is None:
        return result
    return structs.replace(result, answers=[structs.replace(result.answer, statistics=query.statistics)])


def _page(answer: Answer, query: Query) -> list[Match]:
    """Return the matches of a page and those behind it, in order; `answer` has the rows of the lists of all shards."""
    from vectord.index.query.text.fusion import scores_of  # noqa: PLC0415  most indexes have no texts

    by_vector, by_words = _lists(answer.matches, query)
    scores = scores_of(by_vector, by_words, query.fusion)
    vector_rank, text_rank = by_vector.rank_of, by_words.rank_of
    keyed = list[tuple[tuple[float, str], Match]]()
    for match in answer.matches:
        if match.id in scores and _is_within_bounds(match, query):
            terms = match.explanation.terms if match.explanation else ()
            why = Explanation(vector_rank.get(match.id), text_rank.get(match.id), terms) if query.explain else None
            found = structs.replace(match, score=scores[match.id], explanation=why)
            keyed.append(((-scores[match.id], match.id), found))
    if query.after is not None:
        after = -query.after[0], query.after[1]
        keyed = [each for each in keyed if each[0] > after and key_of_seen(each[1].id) not in query.seen]
    return [match for _, match in sorted(keyed, key=itemgetter(0))]


def _lists(found: Sequence[Match], query: Query) -> tuple["Ranking[str]", "Ranking[str]"]:
    """Return the lists by vector and by words of all shards."""
    from vectord.index.query.text.fusion import Ranking  # noqa: PLC0415  most indexes have no texts

    ranks = [(match, match.explanation or Explanation(None, None)) for match in found]
    near = sorted((match.distance or 0.0, match.id) for match, why in ranks if why.vector_rank)
    relevant = sorted(_by_relevance(match) for match, why in ranks if why.text_rank)
    first = [each[: query.fusion.candidates] for each in (near, relevant)]
    by_vector, by_words = (Ranking([i for _, i in each], [key for key, _ in each]) for each in first)
    return by_vector, by_words


def _is_within_bounds(match: Match, query: Query) -> bool:
    is_near = query.max_distance is None or match.distance is None or match.distance <= query.max_distance
    least = query.text.min_relevance if query.text else 0.0
    return is_near and (match.relevance or 0.0) >= least
