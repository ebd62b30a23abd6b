"""The stages of CI: two that run first, two lanes that then run side by side, and one that runs alone at the end.

The stages of the first lane read `.aws-sam`, which `make demo` and a test of `make e2e` build again, so they must never
run side by side. Most of their time they wait for MiniStack, which has one thread. Most stages of the second lane use
all processors; they give way to the first lane, which takes longer. The reliability tests have the shortest timeouts,
so nothing runs beside them.
"""

from dataclasses import dataclass
from typing import Final

NICE: Final = 5


@dataclass(frozen=True)
class Stage:
    """A stage: the arguments of make, and how far its processes give way to others, as `nice` counts it."""

    name: str
    arguments: tuple[str, ...]
    nice: int = 0

    @property
    def command(self) -> tuple[str, ...]:
        """The command to run."""
        return ("make", *self.arguments)


def _stage(name: str, *more: str, nice: int = 0) -> Stage:
    """Return a stage that takes the build as it is; otherwise make would build once for each stage."""
    return Stage(name, ("--old-file=build", name, *more), nice)


# All environments, because `make client` and `make e2e` would otherwise make .venv/client at the same time.
FIRST: Final = (
    Stage("environments", ("environments", ".venv/client/.stamp", ".venv/clients/.stamp")),
    Stage("build", ("build",)),
)
STACK: Final = tuple(map(_stage, ("runtime-api", "sbom", "demo", "e2e", "s3vectors", "sam-local")))
CODE: Final = (
    *(_stage(name, nice=NICE) for name in ("check", "test", "client", "test-slow", "audit")),
    _stage("fuzz", "SECONDS=3", nice=NICE),
)
LANES: Final = (STACK, CODE)
LAST: Final = (_stage("reliability"),)
STAGES: Final = (*FIRST, *STACK, *CODE, *LAST)
