"""Sections of blobs on local disk or in memory, filled piece by piece."""

from vectord.local.file import LocalFile
from vectord.local.files import MOST, LocalFiles
from vectord.local.pages import PAGE, Span, Spans

__all__ = ["MOST", "PAGE", "LocalFile", "LocalFiles", "Span", "Spans"]
