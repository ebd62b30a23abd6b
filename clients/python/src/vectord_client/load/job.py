"""The session, the index and the options that all parts of one load share."""

from threading import Event
from typing import Any, Protocol

import msgspec

from vectord_client.load.progress import Progress
from vectord_client.rows.fields import Names
from vectord_client.rows.pack import Shape
from vectord_client.values import IndexInfo
from vectord_client.wire.call import Call, Plan


class Session(Protocol):
    """What a load needs of a session. `target` is a URL or a folder, `timeout` the seconds of a call."""

    transport: Any
    target: str
    timeout: float
    concurrency: int

    def run(self, call: Call[Any]) -> Any:
        """Return the value of a call."""

    def follow(self, plan: Plan[Any]) -> Any:
        """Return the value of a plan."""


class Job(msgspec.Struct, frozen=True):
    """A load into an index, which was as `info` describes it before. It ends early when `stop` is set."""

    session: Session
    info: IndexInfo
    names: Names
    progress: Progress
    stop: Event

    def shape(self) -> Shape:
        """Return the dimension of the index, and whether a vector of zeros is refused, as its distance requires."""
        return Shape(self.info.dimension, cosine=self.info.distance == "cosine")
