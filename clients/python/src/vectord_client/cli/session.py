"""What one command works with: the client that its options name, opened on first use, and its output."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import click

from vectord_client.cli.output import Output
from vectord_client.client import Client
from vectord_client.errors import FolderMissing
from vectord_client.target import resolve


@dataclass
class Session:
    """The common options of a command, and what they open."""

    url: str | None = None
    store: str | None = None
    auth: str | None = None
    region: str | None = None
    timeout: float | None = None
    as_json: bool | None = None
    _opened: list[Client] = field(default_factory=list, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._opened:
            client.close()

    @cached_property
    def output(self) -> Output:
        """Standard output, as a table or as JSON lines."""
        return Output(as_json=self.as_json)

    @property
    def target(self) -> str | Path | None:
        """The URL or the folder that the options name; None leaves it to VECTORD_URL.

        Raises:
            click.UsageError: both are given.
        """
        if self.url is not None and self.store is not None:
            raise click.UsageError(
                "--url and --store exclude each other: a command works on one service or on one folder"
            )
        return Path(self.store) if self.store is not None else self.url

    def open(self, *, may_create: bool = False, **settings: Any) -> Client:
        """Open a client; it is closed when the command ends.

        Raises:
            FolderMissing: the target is a folder that does not exist, unless the command `may_create` it.
        """
        if not may_create:
            self._check_folder()
        if self.timeout is not None:
            settings["timeout"] = self.timeout
        client = Client(self.target, auth=self.auth, region=self.region, **settings)
        self._opened.append(client)
        return client

    def _check_folder(self) -> None:
        """Raise FolderMissing if the target is a folder that does not exist: opening it would create it."""
        target = resolve(self.target, os.environ)
        if isinstance(target, Path):
            try:
                target.stat()
            except FileNotFoundError as error:
                raise FolderMissing(f"The folder {target} does not exist.") from error
            except OSError:  # such as a file in the place of a folder above it: the engine's message says more
                pass

    @cached_property
    def client(self) -> Client:
        """The client of the command."""
        return self.open()


pass_session: Callable[[Callable[..., Any]], Callable[..., Any]] = click.make_pass_decorator(Session)
