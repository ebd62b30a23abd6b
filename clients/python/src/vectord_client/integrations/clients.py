"""The clients of an adapter: given by the caller, or made at their first use."""

import asyncio
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from vectord_client.aio import AsyncClient
from vectord_client.async_session import InThreads
from vectord_client.client import Client
from vectord_client.errors import UsageError


class Clients:
    """A sync client, and an async client for each event loop, because connections belong to a loop."""

    def __init__(
        self,
        target: str | None = None,
        auth: Any = None,
        client: Client | None = None,
        async_client: AsyncClient | None = None,
    ) -> None:
        """Use `client` and `async_client`, and make those that are missing for `target` and `auth`."""
        self._target, self._auth = target, auth
        self._given, self._given_async = client, async_client
        self._own: Client | None = None
        self._own_async: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncClient] = WeakKeyDictionary()
        self._lock = Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the target and the given clients; a copy makes clients of its own."""
        return Clients, (self._target, self._auth, self._given, self._given_async)

    @property
    def sync(self) -> Client:
        """The sync client, made at its first use.

        Raises:
            UsageError: the adapter has only an async client.
        """
        if self._given is not None:
            return self._given
        if self._given_async is not None and self._target is None:
            raise UsageError(
                "The store has only an async client. Call the async methods, or give it a client or a target too."
            )
        with self._lock:
            if self._own is None:
                self._own = Client(self._target, auth=self._auth)
            return self._own

    @property
    def of_loop(self) -> AsyncClient:
        """The async client of the running event loop, made at its first use.

        Without a target it sends through the given sync client, in threads.
        """
        if self._given_async is not None:
            return self._given_async
        loop = asyncio.get_running_loop()
        with self._lock:
            client = self._own_async.get(loop)
            if client is None:
                if self._given is not None and self._target is None:
                    client = AsyncClient(transport=InThreads(self._given.transport))
                else:
                    client = AsyncClient(self._target, auth=self._auth)
                self._own_async[loop] = client
            return client

    def close(self) -> None:
        """Close the sync client, if the adapter made it."""
        with self._lock:
            own, self._own = self._own, None
        if own is not None:
            own.close()

    async def aclose(self) -> None:
        """Close the async client of the running event loop, if the adapter made it."""
        with self._lock:
            own = self._own_async.pop(asyncio.get_running_loop(), None)
        if own is not None and (self._given is None or self._target is not None):
            await own.close()
