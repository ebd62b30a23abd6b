"""The participants of the benchmark of an index in use, and their processes."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from bench.handlers import CODE
from bench.peers.adapters.vectord import PREFIX
from bench.peers.process import Child, child, python_path
from bench.s3.stand_in import BUCKET, StandIn
from bench.use.invocations import Invocations, serving
from tools.command.paths import ROOT

_RUN_SECONDS: Final = 4 * 3_600.0  # that a compact function lives at most: as long as a run
_TARGETS: Final = (0.95, 0.98)
_PROBES: Final = ((20, 10), (40, 20))  # of LanceDB: nprobes and refine_factor


@dataclass(frozen=True)
class Participant:
    """A system; `efforts` are those of its searches. vectord's code is that of the checkout at `code`."""

    name: str
    module: str
    efforts: Sequence[Any]
    package: str
    code: Path = ROOT

    @property
    def ours(self) -> bool:
        return self.module == "vectord"

    @property
    def file(self) -> str:
        """Its name in paths and keys."""
        return self.name.replace(" ", "-").lower()


def chosen(before: Path | None, peers: bool) -> list[Participant]:
    """Return vectord, vectord of the checkout `before`, and the peers that are installed."""
    found = [Participant("vectord", "vectord", _TARGETS, "msgspec")]
    if before is not None:
        found.append(Participant("vectord before", "vectord", _TARGETS, "msgspec", before.resolve()))
    if peers:
        found.append(Participant("LanceDB", "lance", _PROBES, "lancedb"))
    return [participant for participant in found if find_spec(participant.package)]


@dataclass
class Running:
    """A participant with its index `name`, the processes that work on it, and the threads of the benchmark for them."""

    participant: Participant
    store: StandIn
    folder: Path
    name: str
    invocations: Invocations
    lambda_endpoint: str
    outcomes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The key of vectord's object, or the prefix of a peer's."""
        return f"{PREFIX}/{self.name}.lhv1" if self.participant.ours else self.name

    def run(
        self,
        module: str,
        threads: int = 1,
        folder: Path | None = None,
        **more: Any,
    ) -> AbstractContextManager[Child]:
        """Start a process of `module` with this participant's code; `folder` has its files on the disk."""
        code = self.participant.code
        location = {
            "endpoint": self.store.linked,
            "bucket": BUCKET,
            "name": self.name,
            "folder": str(folder or self.folder),
            "threads": 1,
        }
        job = {"module": self.participant.module, "kind": "search", "location": location, **more}
        variables = {
            CODE: str(code),
            "PYTHONPATH": python_path(code),
            "AWS_ENDPOINT_URL_LAMBDA": self.lambda_endpoint,
        }
        return child(job, self.folder, threads, module, variables)

    def size(self) -> int:
        """Return the bytes of its objects."""
        listed = self.store.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=self.key)
        return sum(item["Size"] for page in listed for item in page.get("Contents", ()))


@contextmanager
def running(participant: Participant, store: StandIn, folder: Path, name: str) -> Iterator[Running]:
    """Run the compact function of an index, if the participant has one."""
    home = folder / name
    home.mkdir()
    with ExitStack() as stack:
        compactor: list[Child] = []
        found: Running

        def compact(index: str) -> None:
            compactor[0].send(index=index)
            found.outcomes.append(compactor[0].receive("done").facts)

        invocations = Invocations(compact)
        found = Running(participant, store, home, name, invocations, stack.enter_context(serving(invocations)))
        if participant.ours:
            process = stack.enter_context(found.run("bench.use.compacting", threads=2, most_seconds=_RUN_SECONDS))
            process.receive("ready")
            compactor.append(process)
            stack.callback(process.finish)
        yield found
