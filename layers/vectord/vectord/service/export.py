"""An index as a file: small ones come in the answer, others are staged in the store and fetched by a link."""

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

import msgspec

from vectord.errors import AnswerTooLarge, BlobError, IndexNotFound, RequestInvalid
from vectord.index.state import Index
from vectord.lhv1.params import Params
from vectord.service.catalog import Indexes
from vectord.service.dispatch import Core
from vectord.service.maintenance import policy
from vectord.service.sharding.placement import shard_names
from vectord.service.sharding.reads import etag_of, missing
from vectord.service.single.reads import one_blob
from vectord.service.snapshots.cache import Snapshot
from vectord.storage.limits import STAGING
from vectord.writers.batches import fetch
from vectord.writers.export import FORMATS, Format, export, export_rows
from vectord.writers.plain_form import needs_build

__all__ = ["FORMATS", "INLINE", "LINK_SECONDS", "Exported", "Exports", "Format"]

INLINE: Final = 4 << 20  # bytes of a file that fit an answer, as base64
LINK_SECONDS: Final = 3_600

_COPIES: Final = 2  # of the vectors that a Parquet file takes on the disk while it is made

type _Parts = Callable[[], Iterator[bytes]]


class File(msgspec.Struct, frozen=True):
    """So many bytes: `data`, or what the URL gives for LINK_SECONDS."""

    size: int
    data: bytes | None = None
    url: str | None = None


class Exported(msgspec.Struct, frozen=True):
    """A file of all rows of the state `etag`."""

    file: File
    etag: str


class Exports(Indexes):
    """Exports of indexes, and what a caller needs to know whether to ask for one."""

    def __init__(self, core: Core, folder: Path, room: int) -> None:
        """Take a folder for temporary files, of which up to `room` bytes fit."""
        super().__init__(core)
        self._folder, self._room = folder, room

    def export(
        self, name: str, kind: Format, until: float, *, as_of: str | None = None, linked: bool = False
    ) -> Exported:
        """Write all rows of an index, or of an earlier state of it, to a file; `linked` asks for a link in any case.

        Raises:
            RequestInvalid: the format, or `as_of`, is not for an index in shards.
            AnswerTooLarge: the file is more than the function has the time or the disk for.
            IndexNotFound, VersionNotFound, BlobError, StorageSilent, StoreRefused
        """

        def here() -> Exported:
            state = self._brought(name, until, as_of)
            self._check(state.index, kind, until)
            token = self.environment.new_id()
            file = self._kept(
                name, kind, until, lambda: export(state.index, kind, name, token, self._folder), linked=linked
            )
            return Exported(file, state.etag)

        return self._core.either(name, until, here, lambda parent: self._of_shards(parent, kind, until, linked=linked))

    def _of_shards(self, parent: Params, kind: Format, until: float, *, linked: bool) -> Exported:
        if kind == "lhv1":
            raise RequestInvalid(
                f"index {parent.name!r} is in {parent.shards} shards, and a file of format 'lhv1' holds one object: "
                "export it as jsonl, jsonl.gz or parquet"
            )
        etags: list[str] = []

        def parts() -> Iterator[bytes]:
            etags.clear()
            return export_rows(self._shards(parent, kind, until, etags), parent.dimension, kind, self._folder)

        file = self._kept(parent.name, kind, until, parts, linked=linked)
        return Exported(file, etag_of(parent, etags))

    def _shards(self, parent: Params, kind: Format, until: float, etags: list[str]) -> Iterator[Index]:
        """Yield the shards one after the other, each as it is when its turn comes, and append their ETags."""
        rows = 0
        for shard in shard_names(parent):
            try:
                state = self._brought(shard, until, None)
            except IndexNotFound:
                raise missing(self._core.reads, parent, shard, until) from None
            rows += len(state.index)
            self._check_disk(kind, rows, parent.dimension)
            etags.append(state.etag)
            yield state.index

    def _brought(self, name: str, until: float, as_of: str | None) -> Snapshot:
        """Return a state all of which is here, so that nothing of it can move while the file is written."""

        def use(index: Index) -> None:
            fits = index.fetch.capacity
            if one_blob(index).size > fits:
                raise AnswerTooLarge(f"index {name!r} has {index.size:,} bytes, and exports have disk for {fits:,}")
            fetch(index)

        core = self._core
        if as_of is None:
            return core.reads.using(name, until, use)[1]
        return core.versions.using(name, as_of, until, use)[1]

    def _check(self, index: Index, kind: Format, until: float) -> None:
        self._check_disk(kind, len(index), index.params.dimension)
        if kind == "lhv1" and needs_build(index) and policy.seconds(index) > until - self.environment.now():
            raise AnswerTooLarge(
                f"index {index.params.name!r} has changed since its graph was built, and to build one takes longer "
                "than a request may: have it compacted, or export it as jsonl, jsonl.gz or parquet"
            )

    def _check_disk(self, kind: Format, rows: int, dimension: int) -> None:
        needed = _COPIES * 4 * rows * dimension
        if kind == "parquet" and needed > self._room:
            raise AnswerTooLarge(
                f"the Parquet file would take {needed:,} bytes of disk to make, and there are {self._room:,}: "
                "export the index as jsonl or jsonl.gz"
            )

    def _kept(self, name: str, kind: Format, until: float, parts: _Parts, *, linked: bool) -> File:
        def once() -> File:
            made = self._in_time(parts(), until)
            first, second = next(made, b""), next(made, None)
            if second is None and len(first) <= INLINE and not linked:
                return File(len(first), data=first)
            rest = made if second is None else chain([second], made)
            return self._staged(f"{name}.{kind}", chain([first], rest))

        try:
            file = self._core.retry_policy.run(self.environment, until, once)
        except BlobError as error:
            raise type(error)(error.reason, error.index or name) from error
        self.environment.meter.add("ExportedBytes", file.size)
        return file

    def _staged(self, filename: str, parts: Iterator[bytes]) -> File:
        size, staged = 0, f"{STAGING}{self.environment.new_id()}"

        def counted() -> Iterator[bytes]:
            nonlocal size
            for part in parts:
                size += len(part)
                yield part

        store = self._core.store
        with self.environment.timed("StageMilliseconds"):
            store.stage(staged, counted())
        return File(size, url=store.link(staged, LINK_SECONDS, filename))

    def _in_time(self, parts: Iterator[bytes], until: float) -> Iterator[bytes]:
        for part in parts:
            if self.environment.now() >= until:
                raise AnswerTooLarge(
                    "the file takes longer to write than a request may: export it as lhv1, which takes a tenth of the "
                    "time where the graph is built, or download the index's object itself"
                )
            yield part
