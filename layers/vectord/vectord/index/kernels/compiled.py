"""The compiled kernels, or None where native.c was not compiled: numpy then computes the same in more time."""

try:
    from vectord.index.kernels import native
except ImportError:
    native = None  # type: ignore[assignment]  # the stub does not say that the module may be missing

__all__ = ["native"]
