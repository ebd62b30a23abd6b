"""One index of a deployment or of a folder, for coroutines."""

from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from typing import Any

from vectord_client.async_changes import AsyncChange, AsyncQueued
from vectord_client.async_reads import AsyncView
from vectord_client.async_rowset import AsyncRows
from vectord_client.async_transfer import AsyncLoadable
from vectord_client.change_values import ChangeState
from vectord_client.errors import ArgumentInvalid
from vectord_client.rowset import Listing
from vectord_client.sparse_values import SparseNames, sparse_fields
from vectord_client.text_values import TextFields, text_fields
from vectord_client.texts import Model, Texts, check_only_texts, create
from vectord_client.values import (
    Added,
    Deleted,
    Patched,
    Restored,
    Row,
    UploadLink,
    Version,
    Warmed,
)
from vectord_client.wire import operations, plans
from vectord_client.wire.encode import AsOf, Filter


class AsyncIndex(AsyncView, AsyncLoadable):
    """An index by its name. Creating this object sends nothing."""

    def __repr__(self) -> str:
        return f"<AsyncIndex {self._name!r}>"

    # ------------------------------------------------------------------------------------------------ the index

    @property
    def etag(self) -> Awaitable[str]:
        """The ETag of the present state, for `if_match`, to be awaited. Each access sends a request."""
        return self._etag()

    async def _etag(self) -> str:
        return (await self.info()).etag

    async def create(
        self,
        *,
        dimension: int | None = None,
        distance: str = "cosine",
        m: int | None = None,
        ef_search: int | None = None,
        shards: int | None = None,
        embedding: Model | None = None,
        text: TextFields | None = None,
        sparse: SparseNames | None = None,
        exist_ok: bool = False,
    ) -> "AsyncIndex":
        """Create the index, as `create_index` of the client does, by PUT: a policy can allow it by name."""
        await self._session.follow(
            create(
                operations.create_by_name,
                self._name,
                exist_ok=exist_ok,
                configured=self._session.embedder,
                embedding=embedding,
                dimension=dimension,
                distance=distance,
                m=m,
                ef_search=ef_search,
                shards=shards,
                text=text_fields(text),
                sparse=sparse_fields(sparse),
            )
        )
        self._texts = Texts(self._name, self._session.embedder)
        return self

    async def declare_text(self, text: TextFields | None, *, if_match: str | None = None) -> Restored:
        """Replace the text fields of the index, as in `create_index`; None declares none.

        A large index is built first: `info().parameters.text` says which fields are `searchable`.
        """
        change = operations.change_index(self._name, {"text": text_fields(text)}, if_match)
        return await self._session.run(change)

    async def declare_sparse(self, names: SparseNames | None, *, if_match: str | None = None) -> Restored:
        """Replace the names of the sparse vectors of the index, as in `create_index`; None declares none.

        A large index is built first: `info().parameters.sparse` says which of them are `searchable`.
        """
        change = operations.change_index(self._name, {"sparse": sparse_fields(names)}, if_match)
        return await self._session.run(change)

    def at(self, as_of: AsOf) -> AsyncView:
        """Return an earlier state to read from: a `Version`, its id, an ETag or a time.

        The view has `info`, `count`, `facets`, `search`, `search_many`, `recall`, `export` and `export_link`. The API
        reads no single rows of an earlier state: `export` writes all of them, and a `copy` with `as_of` is an index of
        its own.
        """
        if as_of is None:  # such as the ETag of a version that is a deletion
            raise ArgumentInvalid("as_of is None: give a Version, its id, an ETag or a time.")
        return AsyncView(self._session, self._name, as_of)

    async def versions(self) -> AsyncIterator[Version]:
        """Yield the states that storage keeps, newest first."""
        async for page in self._session.pages(lambda cursor: operations.versions(self._name, cursor=cursor)):
            for version in page.items:
                yield version

    async def restore(self, as_of: AsOf, *, if_match: str | None = None) -> Restored:
        """Make an earlier state the present one."""
        return await self._session.run(operations.restore(self._name, as_of, if_match))

    async def copy(self, to: str, *, as_of: AsOf | None = None) -> "AsyncIndex":
        """Create the index `to` with the content of this one, and return it."""
        await self._session.run(operations.copy(self._name, to, as_of))
        return AsyncIndex(self._session, to)

    async def warm(self) -> Warmed:
        """Fetch all of the index into the cache of one function instance."""
        return await self._session.run(operations.warm(self._name))

    async def upload_link(self, file: str, size: int) -> UploadLink:
        """Return a link to PUT one file of `size` bytes to; its name says the format."""
        return await self._session.run(operations.upload_link(self._name, file, size))

    async def drop(self, *, missing_ok: bool = False, if_match: str | None = None) -> None:
        """Delete the index."""
        await self._session.follow(plans.delete_index(self._name, missing_ok, if_match))

    # ---------------------------------------------------------------------------------------------------- reads

    async def one(self, id: str, *, consistency: str | None = None, max_staleness: float | None = None) -> Row:
        """Return one vector with its metadata."""
        options = {"consistency": consistency, "max_staleness": max_staleness}
        return await self._session.follow(plans.one(self._name, id, **options))

    async def has(self, id: str) -> bool:
        """Return True if there is a vector with this id."""
        return await self._session.follow(plans.has(self._name, id))

    async def vector(self, id: str, *, consistency: str | None = None, max_staleness: float | None = None) -> Row:
        """Look one vector up by the GET of its path, which a policy or a cache may treat differently."""
        options = {"consistency": consistency, "max_staleness": max_staleness}
        return await self._session.follow(plans.look_up(self._name, id, **options))

    async def get(
        self,
        ids: Iterable[str],
        *,
        include: Sequence[str] = ("metadata", "vector"),
        consistency: str | None = None,
        max_staleness: float | None = None,
    ) -> list[Row]:
        """Return the vectors of `ids` in their order; ids that do not exist are left out."""
        options = {"include": include, "consistency": consistency, "max_staleness": max_staleness}
        return await self._session.follow(plans.get(self._name, ids, **options))

    def rows(
        self,
        *,
        filter: Filter | None = None,
        prefix: str | None = None,
        vectors: bool = False,
        segments: int = 1,
        order_by: str | None = None,
        order: str | None = None,
        consistency: str | None = None,
        max_staleness: float | None = None,
        page_size: int = 1000,
    ) -> AsyncRows:
        """Return all rows, or those that satisfy a filter, to iterate over; with `segments`, in parallel."""
        listing = Listing(
            self._name,
            segments,
            vectors,
            page_size,
            filter=filter,
            prefix=prefix,
            order_by=order_by,
            order=order,
            consistency=consistency,
            max_staleness=max_staleness,
        )
        return AsyncRows(self._session, listing)

    # --------------------------------------------------------------------------------------------------- writes

    @property
    def queued(self) -> AsyncQueued:
        """The same writes, queued: each returns a change at once, which a worker of the service applies later."""
        return AsyncQueued(self._session, self._name, self._texts)

    def change(self, token: str) -> AsyncChange:
        """Return a queued change by its token. This sends nothing; its `state()` does."""
        return AsyncChange(self._session, self._name, ChangeState(token, "queued"))

    async def add(
        self,
        rows: Any = None,
        *,
        ids: Any = None,
        vectors: Any = None,
        metadata: Any = None,
        sparse: Any = None,
        texts: Iterable[str] | None = None,
        if_match: str | None = None,
        id: str = "id",
        vector: str = "vector",
    ) -> Added:
        """Add or replace vectors: `rows` in any form, or columns `ids` and `vectors`, perhaps with `metadata`.

        `rows` are tuples (id, vector, metadata), dicts, `Row`, a DataFrame, an Arrow table, or an iterable of these.
        `id` and `vector` name the columns or members of ids and vectors. For a DataFrame or table, `metadata` may name
        the columns of the metadata; without it these are all others. Rows that fit into one request are added as a
        whole or not at all.

        `sparse` has the sparse vectors of the rows, which are stored in their metadata: a list with one for each row,
        in a form of `sparse_vector`, or None; if the index declares several, a dict of such lists by name.

        In place of `vectors`, `texts` are documents that the embedder of the index turns into vectors. The texts are
        not stored; put them into `metadata` to read them later.

        Raises:
            ArgumentInvalid: Some rows are not valid, and nothing was sent: see `errors`.
            BatchInvalid: The service refused some rows; nothing of their request was changed.
        """
        if texts is not None:
            check_only_texts(rows, vectors)
            return await self._session.follow(self._texts.add(ids, texts, metadata, if_match, sparse))
        blocks = plans.blocks_of(rows, ids, vectors, metadata, (id, vector), sparse=sparse)
        session = self._session
        return await session.follow(plans.add(self._name, blocks, if_match, in_process=session.in_process))

    async def patch(
        self,
        metadata: Any,
        *,
        ids: Iterable[str] | None = None,
        filter: Filter | None = None,
        mode: str = "merge",
        if_match: str | None = None,
    ) -> Patched:
        """Change the metadata of `ids`, or of all vectors that satisfy a filter: "merge" (RFC 7396) or "replace"."""
        return await self._session.run(
            operations.patch(self._name, metadata, ids=ids, filter=filter, mode=mode, if_match=if_match)
        )

    async def delete(
        self,
        *,
        ids: Iterable[str] | None = None,
        filter: Filter | None = None,
        all: bool = False,
        dry_run: bool = False,
        if_match: str | None = None,
    ) -> Deleted:
        """Delete the vectors of `ids`, or all that satisfy a filter; a filter that is always true requires `all`."""
        return await self._session.run(
            operations.delete(
                self._name, ids=ids, filter=filter, all=all or None, dry_run=dry_run or None, if_match=if_match
            )
        )

    async def remove(self, id: str, *, if_match: str | None = None) -> Deleted:
        """Delete one vector, which must exist."""
        return await self._session.follow(plans.remove(self._name, id, if_match))

    async def clear(self, *, if_match: str | None = None) -> Deleted:
        """Delete all vectors, and keep the index."""
        return await self.delete(filter={}, all=True, if_match=if_match)

    def __aiter__(self) -> AsyncIterator[Row]:
        return aiter(self.rows())
