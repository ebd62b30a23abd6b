"""Rows in every form that callers have them, as blocks of ids, float32 vectors and JSON texts."""
