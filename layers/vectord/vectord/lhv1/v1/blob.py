"""A blob of version 1: an envelope of parameters and metadata, and behind it the graph's export.

Nothing in it has a checksum. So what contradicts itself is refused, and what says the same thing twice has to agree.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt, RequestInvalid
from vectord.lhv1 import params
from vectord.lhv1.params import Params
from vectord.lhv1.v1 import hnsw
from vectord.lhv1.v1.hnsw import Exported
from vectord.readers.entry import checked_metadata

_HEAD: Final = struct.Struct(">4sI")
_UNNAMED: Final = "unnamed"  # until the next commit writes the name of the object's key


class Version1(msgspec.Struct, frozen=True):
    """ids in row order, vectors float32 (rows, dimension), metadata by id as JSON text."""

    params: Params
    ids: Sequence[str]
    vectors: npt.NDArray[np.float32]
    metadata: Mapping[str, msgspec.Raw]


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    """Go writes a nil map as null."""

    version: int
    params: dict[str, Any]
    metadata: dict[str, msgspec.Raw] | None = None


def read(blob: bytes, name: str | None = None) -> Version1:
    """Return what a whole blob of version 1 holds, under `name` if that can be an index's, else under the name in it.

    Metadata of ids that the graph does not hold is left out, and null is no metadata.

    Raises:
        BlobCorrupt: it is not such a blob, or holds what no index can: it says which id.
        BlobUnsupported: the graph's encoding is of another version.
    """
    raw, body = _split(blob)
    envelope = _decoded(raw)
    graph = hnsw.decode(body)
    found = _params(envelope.params, graph, name)
    _check_rows(graph, found)
    held = set(graph.keys)
    metadata = {key: _checked(key, text) for key, text in (envelope.metadata or {}).items() if key in held}
    return Version1(
        found,
        graph.keys,
        graph.vectors.reshape(len(graph.keys), found.dimension),
        {key: text for key, text in metadata.items() if text is not None},
    )


def _split(blob: bytes) -> tuple[bytes, bytes]:
    if len(blob) < _HEAD.size:
        raise BlobCorrupt(f"it has {len(blob)} bytes, fewer than the {_HEAD.size} of a head")
    magic, length = _HEAD.unpack_from(blob)
    if magic != b"LHV1" or length > len(blob) - _HEAD.size:
        raise BlobCorrupt("it does not start with the magic bytes LHV1 and the length of its envelope")
    return blob[_HEAD.size : _HEAD.size + length], blob[_HEAD.size + length :]


def _decoded(raw: bytes) -> _Envelope:
    try:
        envelope = msgspec.json.decode(raw, type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BlobCorrupt(f"its envelope is not one of version 1 ({error})") from error
    if envelope.version != 1:
        raise BlobCorrupt(f"its envelope has version {envelope.version}, not 1")
    return envelope


def _params(told: Mapping[str, Any], graph: Exported, name: str | None) -> Params:
    """Return the parameters: as the envelope has them, else as the graph does, else the defaults."""
    # Spelled as JSON tags have it, or as Go's fields are called: ef_search, efSearch, EfSearch.
    given = {key.lower().replace("_", ""): value for key, value in told.items() if value is not None}
    dimension = _integer(given, "dimension") or graph.vectors.shape[1]
    names = (one for one in (name, given.get("name")) if isinstance(one, str) and params.is_stored(one))
    made = Params(
        name=next(names, _UNNAMED),
        dimension=dimension,
        m=_positive(_integer(given, "m"), graph.m, 16),
        ef_search=_positive(_integer(given, "efsearch"), graph.ef_search, 20),
        distance="euclidean" if graph.distance == "euclidean" else "cosine",
    )
    if reason := params.fault(made):
        raise BlobCorrupt(reason)
    if graph.distance not in {"cosine", "euclidean"} or given.get("distance", "") not in {"", graph.distance}:
        raise BlobCorrupt(f"it names the distances {given.get('distance')!r} and {graph.distance!r}")
    return made


def _integer(given: Mapping[str, Any], key: str) -> int:
    value = given.get(key, 0)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BlobCorrupt(f"its parameter {key} is no integer")
    return value


def _positive(*values: int) -> int:
    return next(value for value in values if value > 0)


def _check_rows(graph: Exported, found: Params) -> None:
    for key in graph.keys:
        if reason := params.id_fault(key):
            raise BlobCorrupt(f"it holds a vector {key[:40]!r}: {reason}")
    if graph.keys and graph.vectors.shape[1] != found.dimension:
        raise BlobCorrupt(f"it holds vectors of {graph.vectors.shape[1]:,} components, and says {found.dimension:,}")
    good = np.isfinite(graph.vectors).all(axis=1)
    if found.distance == "cosine":
        good &= graph.vectors.any(axis=1)
    if not good.all():
        # No index can answer for these. To leave them out would lose them without a word.
        first = graph.keys[int(np.argmin(good))]
        raise BlobCorrupt(
            f"vector {first!r} is zero or not finite, as {int((~good).sum()):,} of its vectors are; "
            "delete them by the service that wrote it"
        )


def _checked(key: str, text: msgspec.Raw) -> msgspec.Raw | None:
    try:
        return checked_metadata(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, RequestInvalid) as error:
        raise BlobCorrupt(f"the metadata of {key!r} cannot be read ({error})") from error
