"""Blobs as an earlier vectord wrote them: the tail in sections `tail`, its ids and metadata in the envelope."""

import json
from collections.abc import Sequence

import numpy as np

from tests.support.hostile import Blob, Section, take_apart
from vectord.index.rows import Item


def with_tails(blob: bytes, *batches: Sequence[Item], removed: Sequence[int] = ()) -> bytes:
    """Return a packed blob without a tail, or an empty one, as the blob after a commit of each of the batches.

    Rows of batches have distinct ids. `removed` are the rows that are deleted afterwards.
    """
    taken, items = take_apart(blob), [each for batch in batches for each in batch]
    tails = [
        Section("tail", np.array([each.vector for each in batch], "<f4").tobytes(), {"id": f"old-{number}/tail"})
        for number, batch in enumerate(batches)
    ]
    keys = {
        "ids": [each.id for each in items],
        "metadata": {each.id: json.loads(bytes(each.metadata)) for each in items if each.metadata is not None},
        "removed": list(removed),
    }
    return Blob({**taken.envelope, **keys}, [*taken.sections, *tails]).data
