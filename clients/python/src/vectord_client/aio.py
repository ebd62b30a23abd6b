"""The asynchronous client."""

import os
from collections.abc import AsyncIterator
from typing import Any

from vectord_client.async_index import AsyncIndex
from vectord_client.async_session import AsyncSession, InThreads
from vectord_client.auth import Auth, authorizer
from vectord_client.embedding.protocol import Embedder
from vectord_client.session import check_bounds
from vectord_client.sparse_values import SparseNames, sparse_fields
from vectord_client.target import resolve
from vectord_client.text_values import TextFields, text_fields
from vectord_client.texts import Model, create
from vectord_client.values import IndexSummary
from vectord_client.wire import operations, plans
from vectord_client.wire.request import AsyncTransport
from vectord_client.wire.retry import RetryPolicy


class AsyncClient:
    """A deployment of vectord at a URL, or a folder that this process reads and writes itself, for coroutines.

    Close it, or use it in an `async with` statement, to release connections and files.
    """

    def __init__(
        self,
        target: "str | os.PathLike[str] | None" = None,
        *,
        auth: Auth = None,
        region: str | None = None,
        timeout: float = 60.0,
        retries: RetryPolicy | None = None,
        concurrency: int = 8,
        embedder: str | Embedder | None = None,
        transport: AsyncTransport | None = None,
    ) -> None:
        """Open `target`: a URL, a folder, or None for VECTORD_URL.

        `auth` is "iam", "none", a token, or a callable that returns a token; None means VECTORD_TOKEN, VECTORD_AUTH,
        "iam" for host names of API Gateway, and "none" for others. `timeout` is in seconds and bounds a call with its
        repeats. `concurrency` bounds the requests that one call has in flight. `embedder`, or the name in
        VECTORD_EMBEDDER, turns texts into vectors; without it, the model that an index records does. `transport`
        replaces the target.

        Raises:
            NoTarget: `target` is None, and VECTORD_URL is not set.
            TargetInvalid: The target is neither a URL nor a folder.
            ArgumentInvalid: `timeout` or `concurrency` is not positive.
            MissingExtra: The target or `auth` needs packages that are not installed.
        """
        check_bounds(timeout, concurrency)
        self._target: str = "transport" if transport is not None else str(resolve(target, os.environ))
        if transport is None:
            transport = _transport(target, auth, region)
        self._session = AsyncSession(
            transport,
            retries or RetryPolicy(),
            timeout,
            target=self._target,
            concurrency=concurrency,
            embedder=embedder or os.environ.get("VECTORD_EMBEDDER"),
        )

    def __repr__(self) -> str:
        return f"<AsyncClient of {self._target}>"

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Release connections, or the folder. Closing twice is allowed."""
        await self._session.close()

    @property
    def transport(self) -> AsyncTransport:
        """The transport, which sends the requests."""
        return self._session.transport

    def index(self, name: str) -> AsyncIndex:
        """Return an index by its name, without a request."""
        return AsyncIndex(self._session, name)

    async def create_index(
        self,
        name: str,
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
    ) -> AsyncIndex:
        """Create an index and return it.

        `embedding` is the model of its texts, which the index records: the name of an embedder, an embedder, or an
        `Embedding`. By default it is the client's embedder, if that has the dimension of the index; False records none.
        With an embedder, `dimension` may be left out. `text` declares the metadata paths whose texts can be searched by
        `words`: a path, several, or a dict with the `TextField` of each. `sparse` declares the names of sparse vectors,
        which are metadata paths too. With `exist_ok` an index that exists with
        these parameters is returned as it is.

        Raises:
            IndexExists: It exists, and `exist_ok` is not set or its parameters differ.
            EmbedderMismatch: It exists and records another model, or the embedder has another dimension.
        """
        index = self.index(name)
        await self._session.follow(
            create(
                operations.create,
                name,
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
        return index

    async def indexes(self, prefix: str = "") -> AsyncIterator[IndexSummary]:
        """Yield the indexes whose names begin with `prefix`, in the order of their names."""
        async for page in self._session.pages(lambda cursor: operations.indexes(prefix, cursor=cursor)):
            for summary in page.items:
                yield summary

    async def delete_index(self, name: str, *, missing_ok: bool = False, if_match: str | None = None) -> None:
        """Delete an index; with `missing_ok` it need not exist."""
        await self._session.follow(plans.delete_index(name, missing_ok, if_match))

    async def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document of the deployment."""
        return await self._session.run(operations.openapi())


def _transport(target: "str | os.PathLike[str] | None", auth: Auth, region: str | None) -> AsyncTransport:
    """Return the transport to a target. Only the modules that it needs are imported."""
    found = resolve(target, os.environ)
    if isinstance(found, str):
        from vectord_client.http import AsyncHttpTransport, base_url  # noqa: PLC0415  embedded mode does without HTTP

        url = base_url(found)
        return AsyncHttpTransport(url, authorizer(auth, url, region, os.environ))
    from vectord_client.embedded.entry import open_gateway  # noqa: PLC0415  the engine

    return InThreads(open_gateway(found))
