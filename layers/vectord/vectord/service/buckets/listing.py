"""List vector buckets, and the indexes of one: the store lists names, and a read of each says when it was created.

What was read at an ETag is remembered, so that a listing reads only what changed since. An object that cannot be read
is left out.
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Final

from vectord.errors import BlobError, IndexNotFound
from vectord.service.buckets.errors import BucketNotFound
from vectord.service.buckets.heads import read_head
from vectord.service.buckets.objects import BucketObjects
from vectord.service.buckets.values import Page, Summary, index_name, object_name
from vectord.service.sharding.fan_out import WorkerPool
from vectord.service.snapshots.cache import SnapshotReader
from vectord.service.values.options import Deadline
from vectord.storage.base import ListedObject, ObjectPage

_MAX_REMEMBERED: Final = 20_000  # objects, each with its name, ETag and time of creation: some 5 MB
_MAX_REQUESTS: Final = 20  # listings of the store for one page
_AT_A_TIME: Final = 250  # names that one of them returns; to read these takes some 0.5 s
_SHARE: Final = 0.5  # of the time of a request, after which a page ends early

# Returns when the object of that name was created, None if it is not an item of the listing.
type Created = Callable[[str], int | None]


class Listing:
    """The listings of one store."""

    def __init__(self, reader: SnapshotReader, bucket_objects: BucketObjects, pool: WorkerPool) -> None:
        self._reader, self._bucket_objects, self._pool = reader, bucket_objects, pool
        self._remembered: OrderedDict[tuple[str, str], int | None] = OrderedDict()
        self._lock = Lock()

    def buckets(self, prefix: str, limit: int, after: str | None, deadline: Deadline) -> Page:
        """Return up to `limit` buckets whose names start with `prefix`, after the name `after`.

        Raises:
            StorageSilent, StoreRefused
        """
        folder = object_name("")

        def created(name: str) -> int | None:
            try:
                return self._bucket_objects.read(name.removeprefix(folder), deadline).bucket.created
            except BucketNotFound:
                return None

        return self._page(folder, prefix, created, deadline, limit=limit, after=after)

    def indexes(self, bucket: str, prefix: str, limit: int, after: str | None, deadline: Deadline) -> Page:
        """Return up to `limit` indexes of a bucket, as `buckets` does; raise what it does."""

        def created(name: str) -> int | None:
            try:
                stored = read_head(self._reader, name, deadline).stored
            except IndexNotFound:
                return None
            return stored.created if stored else None

        return self._page(index_name(bucket, ""), prefix, created, deadline, limit=limit, after=after)

    def has_index(self, bucket: str, deadline: Deadline) -> bool:
        """Return True if a bucket has an index, or if one that cannot be read may be in it.

        Raises:
            DeadlineExceeded, StorageSilent, StoreRefused
        """

        def is_inside(name: str) -> bool:
            try:
                return read_head(self._reader, name, deadline).stored is not None
            except BlobError:
                return True
            except IndexNotFound:
                return False

        after: str | None = None
        while True:
            self._reader.environment.check(deadline)
            # Usually the first names show an index.
            page = self._list(index_name(bucket, ""), _AT_A_TIME if after else self._pool.threads, after, deadline)
            if any(self._pool.map(is_inside, [one.name for one in page.objects])):
                return True
            if page.after is None:
                return False
            after = page.after

    def _page(
        self, folder: str, prefix: str, created: Created, deadline: Deadline, *, limit: int, after: str | None
    ) -> Page:
        environment = self._reader.environment
        ends_at = environment.now() + _SHARE * environment.left(deadline)
        found: list[Summary] = []
        position = None if after is None else folder + after
        for _ in range(_MAX_REQUESTS):
            page = self._list(folder + prefix, min(limit - len(found), _AT_A_TIME), position, deadline)
            for one, at in zip(page.objects, self._created(page.objects, created), strict=True):
                if at is not None:
                    found.append(Summary(one.name.removeprefix(folder), at))
            position = page.after
            if position is None or len(found) == limit or environment.now() >= ends_at:
                break
        return Page(tuple(found), None if position is None else position.removeprefix(folder))

    def _list(self, prefix: str, limit: int, after: str | None, deadline: Deadline) -> ObjectPage:
        return self._reader.retry(deadline, lambda: self._reader.store.list(prefix, limit, after))

    def _created(self, objects: tuple[ListedObject, ...], created: Created) -> list[int | None]:
        return self._pool.map(partial(self._created_once, created), objects)

    def _created_once(self, created: Created, listed: ListedObject) -> int | None:
        key = listed.name, listed.etag
        with self._lock:
            if key in self._remembered:
                return self._remembered[key]
        try:
            found = created(listed.name)
        except BlobError:
            return None  # read again by the next listing, since a transfer may have been damaged
        with self._lock:
            self._remembered[key] = found
            while len(self._remembered) > _MAX_REMEMBERED:
                self._remembered.popitem(last=False)
        return found
