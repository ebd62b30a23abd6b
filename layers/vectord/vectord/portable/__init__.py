"""An index in the formats of others, and in the plain form of its own."""

from vectord.portable.export import FORMATS, Format, export, export_rows

__all__ = ["FORMATS", "Format", "export", "export_rows"]
