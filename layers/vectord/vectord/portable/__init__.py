"""An index in the formats of others, and in the plain form of its own."""

from vectord.portable.batches import bring
from vectord.portable.export import FORMATS, Format, export, export_rows
from vectord.portable.plain import needs_build

__all__ = ["FORMATS", "Format", "bring", "export", "export_rows", "needs_build"]
