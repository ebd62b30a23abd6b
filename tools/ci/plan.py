"""The stages of CI: two that run first, and two lanes that then run side by side.

The stages of the first lane read `.aws-sam`, which `make demo` and a test of `make e2e` build again, so they must never
run side by side. Most of their time they wait for MiniStack, which has one thread. Most stages of the second lane use
all processors.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Stage:
    """A stage, which runs make with some arguments."""

    name: str
    arguments: tuple[str, ...]

    @property
    def command(self) -> tuple[str, ...]:
        """The command to run."""
        return ("make", *self.arguments)


def _stage(name: str, *more: str) -> Stage:
    """Return a stage that takes the build as it is; otherwise make would build once for each stage."""
    return Stage(name, ("--old-file=build", name, *more))


# All environments, because `make client` and `make e2e` would otherwise make .venv/client at the same time.
FIRST: Final = (
    Stage("environments", ("environments", ".venv/client/.stamp", ".venv/clients/.stamp")),
    Stage("build", ("build",)),
)
STACK: Final = tuple(map(_stage, ("runtime-api", "sbom", "demo", "e2e", "s3vectors", "sam-local")))
CODE: Final = (
    *map(_stage, ("check", "test", "client", "test-slow", "audit")),
    _stage("fuzz", "SECONDS=3"),
    _stage("reliability"),
)
LANES: Final = (STACK, CODE)
STAGES: Final = (*FIRST, *STACK, *CODE)
