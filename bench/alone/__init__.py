"""vectord alone: build, size, codec, searches, adds, ingestion and imports."""
