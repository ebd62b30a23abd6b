"""What all parts of one load know."""

from threading import Event

import msgspec

from vectord_client.load.progress import Progress
from vectord_client.load.send import Session
from vectord_client.rows.fields import Names
from vectord_client.rows.pack import Shape
from vectord_client.values import IndexInfo


class Job(msgspec.Struct, frozen=True):
    """A load into an index, which was as `info` describes it before. It ends early when `stop` is set."""

    session: Session
    info: IndexInfo
    names: Names
    progress: Progress
    stop: Event

    def shape(self) -> Shape:
        """Return what the vectors of the index have in common."""
        return Shape(self.info.dimension, cosine=self.info.distance == "cosine")
