"""All use cases at once."""

from vectord.cache.section_cache import SectionCache
from vectord.index.query.query import MAX_K
from vectord.index.thresholds import Thresholds
from vectord.service.dispatch import Core
from vectord.service.environment import Environment, RetryPolicy
from vectord.service.history.pasts import Pasts
from vectord.service.lifecycle import Lifetimes
from vectord.service.maintenance.policy import BuildPolicy
from vectord.service.reading import Reading
from vectord.service.sharding.fan_out import Invoke
from vectord.service.write_dispatch import Writing
from vectord.service.writes import Changes
from vectord.storage.base import Store

__all__ = ["MAX_K", "Service", "UseCases"]


class UseCases(Changes, Lifetimes, Pasts, Reading):
    """Reads and changes of one store."""


class Service(UseCases):
    """The same, composed of what they need of outside."""

    def __init__(
        self,
        store: Store,
        files: SectionCache,
        *,
        warm_bytes: int,
        environment: Environment,
        retry_policy: RetryPolicy,
        sizes: Thresholds | None = None,
        invoke: Invoke | None = None,
        rebuilds: BuildPolicy | None = None,
    ) -> None:
        """Take `invoke` as `Core` does."""
        core = Core(
            store, files, warm_bytes=warm_bytes, environment=environment, retry_policy=retry_policy, invoke=invoke
        )
        super().__init__(Writing(core, sizes, rebuilds))
