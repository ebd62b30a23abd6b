"""Rebuild large indexes in the background."""
