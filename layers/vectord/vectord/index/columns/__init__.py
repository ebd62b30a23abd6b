"""Metadata in columns, and filters evaluated on them."""
