"""All use cases at once."""

from vectord.index import Sizes
from vectord.local import LocalFiles
from vectord.service.changes import Changes
from vectord.service.core import Core
from vectord.service.fan_out import Invoke
from vectord.service.lifetimes import Lifetimes
from vectord.service.pasts import Pasts
from vectord.service.reading import Reading
from vectord.service.rebuilds import Rebuilds
from vectord.service.searches import MAX_K
from vectord.service.world import Patience, World
from vectord.service.writing import Writing
from vectord.stores import Store

__all__ = ["MAX_K", "Service", "UseCases"]


class UseCases(Changes, Lifetimes, Pasts, Reading):
    """Reads and changes of one store."""


class Service(UseCases):
    """The same, composed of what they need of outside."""

    def __init__(
        self,
        store: Store,
        files: LocalFiles,
        *,
        warm_bytes: int,
        world: World,
        patience: Patience,
        sizes: Sizes | None = None,
        invoke: Invoke | None = None,
        rebuilds: Rebuilds | None = None,
    ) -> None:
        """Take `invoke` as `Core` does."""
        core = Core(store, files, warm_bytes=warm_bytes, world=world, patience=patience, invoke=invoke)
        super().__init__(Writing(core, sizes, rebuilds))
