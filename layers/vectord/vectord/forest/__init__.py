"""The forest: Annoy's trees over the rows of an index, in the file format that plain Annoy reads.

`build` and `trees` import Annoy, which many a search does without: import them where they are used.
"""

from vectord.forest.layout import Layout, Metric

__all__ = ["Layout", "Metric"]
