"""Open indexes at one ETag, cache them, and read ranges of exactly that state."""
