"""Search a sharded index, with the statistics and the ranks of all shards; count.

| search    | requests to each shard                                                                            |
|-----------|---------------------------------------------------------------------------------------------------|
| by vector | its nearest matches                                                                               |
| by words  | the statistics of the words, and then its best matches with the relevances by all statistics      |
| by sparse | its best matches                                                                                  |
| hybrid    | the statistics of the words, if there are any, then the rows of its lists; of the lists of all,   |
|           | the rows of the page                                                                              |
| count     | the number of its vectors, or its facets; before that the statistics, if words are looked for     |
"""

from collections.abc import Callable, Sequence
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
from msgspec import structs

from vectord.deadline import DeadlineCheck
from vectord.index.query import matches
from vectord.index.query.explanations import Explanation
from vectord.index.query.query import Answer, ListName, Match, Query, Result, key_of_seen, sort_key
from vectord.index.query.text_limits import LEAST_PRODUCT
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
        if query.terms:
            query = self._with_statistics(query)
        if query.is_hybrid:
            return self._hybrid(query)
        requests = [SearchRequest(shard, query, self.staleness) for shard in shard_names(self.parent)]
        merged = self._merged(requests, query.k, _by_relevance if query.terms else sort_key)
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
        """Return a selection, which is valid, with the statistics of all shards."""
        if text is None:
            return None
        known = self._with_statistics(Query(1, text=text.text, sparse=text.sparse)).statistics
        return structs.replace(text, statistics=known)

    def _with_statistics(self, query: Query) -> Query:
        """Return the query, if it is valid, with the statistics of its words in all shards or of its first page."""
        from vectord.index.query.text import carried, reading  # noqa: PLC0415  most indexes have no texts

        reading.analysed(empty_index(self.parent), query)
        if query.statistics is not None or query.text is None:
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

        assert query.text is not None
        assert query.statistics is not None
        words = reading.words(empty_index(self.parent), query.text, query.statistics)
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
    from vectord.index.query.text.fusion import bounds, explained, scores_of  # noqa: PLC0415  most indexes have no texts

    least = max(bounds(query).values(), default=LEAST_PRODUCT)  # one list has the bound, that of `relevance`
    rankings = {name: _ranking(answer.matches, query, name) for name in query.lists}
    scores = scores_of(rankings, query.fusion)
    ranks = {name: each.rank_of for name, each in rankings.items()}
    keyed = list[tuple[tuple[float, str], Match]]()
    for match in answer.matches:
        if match.id in scores and _is_within_bounds(match, query, least):
            why = explained(match.explanation or Explanation(), ranks, match.id) if query.explain else None
            found = structs.replace(match, score=scores[match.id], explanation=why)
            keyed.append(((-scores[match.id], match.id), found))
    if query.after is not None:
        after = -query.after[0], query.after[1]
        keyed = [each for each in keyed if each[0] > after and key_of_seen(each[1].id) not in query.seen]
    return [match for _, match in sorted(keyed, key=itemgetter(0))]


def _ranking(found: Sequence[Match], query: Query, name: ListName) -> "Ranking[str]":
    """Return one of the lists of all shards, in which a row has the rank that no shard alone knows."""
    from vectord.index.query.text.fusion import Ranking  # noqa: PLC0415  most indexes have no texts

    keyed = sorted((_key(match, query, name), match.id) for match in found if _is_listed(match, name))
    first = keyed[: query.fusion.candidates]
    return Ranking([vector_id for _, vector_id in first], [key for key, _ in first])


def _is_listed(match: Match, name: ListName) -> bool:
    """Return True if a match is in this list of its shard."""
    why = match.explanation or Explanation()
    rank = {"vector": why.vector_rank, "text": why.text_rank, "sparse": why.sparse_rank}[name]
    return rank is not None


def _key(match: Match, query: Query, name: ListName) -> float:
    """Return the key by which a list ascends: the distance, or a relevance with a minus sign."""
    if name == "vector":
        return match.distance or 0.0
    return -((match.sparse_relevance if name == "sparse" and query.text else match.relevance) or 0.0)


def _is_within_bounds(match: Match, query: Query, least: float) -> bool:
    is_near = query.max_distance is None or match.distance is None or match.distance <= query.max_distance
    return is_near and (match.relevance or 0.0) >= least
