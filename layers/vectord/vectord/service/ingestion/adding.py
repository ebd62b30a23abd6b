"""Add the rows of a group of files to their index by one commit; over shards, by one commit of each shard."""

from collections.abc import Sequence
from typing import Final

from vectord.errors import IndexNotFound, VectordError
from vectord.lhv1.params import Params
from vectord.service.commit.loop import CommitLoop
from vectord.service.ingestion.values import Added, ReadFile
from vectord.service.sharding.fan_out import WorkerPool
from vectord.service.sharding.index import missing_shard_error
from vectord.service.sharding.placement import by_shard, id_of
from vectord.service.snapshots.cache import SnapshotReader
from vectord.service.values.options import Deadline
from vectord.service.values.uploaded import AddFiles, FileRows

MAX_FILES: Final = 200  # of one commit: an index records the latest 1,000 files, and an outcome has two numbers of each

type Numbered = tuple[int, FileRows]  # the place of a file in its group, and its rows for one object
type AddedOrError = Added | VectordError


def fits(group: Sequence[ReadFile], file: ReadFile, limit: int) -> bool:
    """Return True if one commit can add `file` with a group, whose rows then take `limit` bytes at most.

    A group may be one file of any size.
    """
    if not group:
        return True
    size = file.size + sum(one.size for one in group)
    return len(group) < MAX_FILES and size <= limit and group[0].valid_for == file.valid_for


class Adding:
    """Adds groups of files to the indexes of one store."""

    def __init__(self, reader: SnapshotReader, commits: CommitLoop, pool: WorkerPool) -> None:
        self._reader, self._commits, self._pool = reader, commits, pool

    def add(self, group: Sequence[ReadFile], deadline: Deadline) -> list[AddedOrError]:
        """Add files that fit into one commit; return what it did with each of them, or the error that it met.

        A file has an error if a shard with rows of it has one, even if other shards have added its rows.
        """
        parent = group[0].valid_for
        parts: dict[str, list[Numbered]] = {}
        for number, file in enumerate(group):
            shares = by_shard(parent, file.items, id_of) if parent.shards else {file.index: file.items}
            for name, items in shares.items():
                parts.setdefault(name, []).append((number, file.rows(items)))

        def add_to(part: tuple[str, list[Numbered]]) -> list[tuple[int, AddedOrError]]:
            return self._add(*part, parent, deadline)

        found: list[list[AddedOrError]] = [[] for _ in group]
        done = self._pool.map(add_to, parts.items()) if parent.shards else map(add_to, parts.items())
        for results in done:
            for number, result in results:
                found[number].append(result)
        return list(map(_sum, found))

    def _add(
        self, name: str, part: Sequence[Numbered], parent: Params, deadline: Deadline
    ) -> list[tuple[int, AddedOrError]]:
        """Add rows to one object by one commit; return what it did with each file."""
        operation = AddFiles([rows for _, rows in part], parent.dimension, parent.distance)
        try:
            base = self._reader.present(name, deadline)
            effect = self._commits.apply(base, operation, deadline).result
        except IndexNotFound as missing:
            error = missing_shard_error(self._reader, parent, name, deadline) if parent.shards else missing
            return [(number, error) for number, _ in part]
        except VectordError as failure:
            return [(number, failure) for number, _ in part]
        counts = zip(effect[::2], effect[1::2], strict=True)
        return [(number, Added(rows, bool(late))) for (number, _), (rows, late) in zip(part, counts, strict=True)]


def _sum(results: Sequence[AddedOrError]) -> AddedOrError:
    """Return what became of a file in all objects that have rows of it: the first error, if there is one."""
    rows, overtaken = 0, False
    for result in results:
        if isinstance(result, VectordError):
            return result
        rows, overtaken = rows + result.rows, overtaken or result.overtaken
    return Added(rows, overtaken)
