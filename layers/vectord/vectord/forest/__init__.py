"""The forest: Annoy's trees over the rows of an index, in the file format that plain Annoy reads."""

from vectord.forest.build import build, grow
from vectord.forest.layout import Layout, Metric
from vectord.forest.trees import Forest, Trees

__all__ = ["Forest", "Layout", "Metric", "Trees", "build", "grow"]
