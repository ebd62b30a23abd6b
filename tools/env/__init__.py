"""Virtual environments and pins: every version is in uv.lock."""
