"""Read a blob of version 1: an envelope with parameters and metadata, then the exported HNSW graph.

The format has no checksum. So a contradiction is an error, and values that occur twice must be equal.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.lhv1 import params
from vectord.lhv1.params import Params
from vectord.lhv1.v1 import hnsw
from vectord.lhv1.v1.hnsw import ExportedGraph
from vectord.readers.entry import METADATA_ERRORS, checked_metadata

_PREFIX: Final = struct.Struct(">4sI")
_UNNAMED: Final = "unnamed"  # until the next commit writes the name of the object


class Version1(msgspec.Struct, frozen=True):
    """Ids in row order, vectors float32 (rows, dimension), metadata by id as JSON text."""

    params: Params
    ids: Sequence[str]
    vectors: npt.NDArray[np.float32]
    metadata: Mapping[str, msgspec.Raw]


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    """The envelope; Go writes a nil map as null."""

    version: int
    params: dict[str, Any]
    metadata: dict[str, msgspec.Raw] | None = None


def read(blob: bytes, name: str | None = None) -> Version1:
    """Return the content of a whole blob. Its name is `name` if that is a valid name, else the name in the envelope.

    Metadata of ids that are not in the graph is omitted; null means no metadata.

    Raises:
        BlobCorrupt: it is not a blob of version 1, or has a value that no index can have; the message names the id.
        BlobUnsupported: the graph has another version of its encoding.
    """
    raw, body = _split(blob)
    envelope = _decode_envelope(raw)
    graph = hnsw.decode(body)
    decoded_params = _params(envelope.params, graph, name)
    _check_rows(graph, decoded_params)
    ids = set(graph.keys)
    metadata = {key: _checked_metadata(key, text) for key, text in (envelope.metadata or {}).items() if key in ids}
    return Version1(
        decoded_params,
        graph.keys,
        graph.vectors.reshape(len(graph.keys), decoded_params.dimension),
        {key: text for key, text in metadata.items() if text is not None},
    )


def _split(blob: bytes) -> tuple[bytes, bytes]:
    if len(blob) < _PREFIX.size:
        raise BlobCorrupt(f"it has {len(blob)} bytes; even an empty index has more than {_PREFIX.size}")
    magic, length = _PREFIX.unpack_from(blob)
    if magic != b"LHV1" or length > len(blob) - _PREFIX.size:
        raise BlobCorrupt("it does not start with the magic bytes LHV1 and the length of its envelope")
    return blob[_PREFIX.size : _PREFIX.size + length], blob[_PREFIX.size + length :]


def _decode_envelope(raw: bytes) -> _Envelope:
    try:
        envelope = msgspec.json.decode(raw, type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BlobCorrupt(f"its envelope is not one of version 1 ({error})") from error
    if envelope.version != 1:
        raise BlobCorrupt(f"its envelope has version {envelope.version}, not 1")
    return envelope


def _params(stored: Mapping[str, Any], graph: ExportedGraph, name: str | None) -> Params:
    """Return the parameters of the envelope; if one is missing, that of the graph or the default."""
    # Keys may be JSON tags or names of Go fields: ef_search, efSearch, EfSearch.
    values = {key.lower().replace("_", ""): value for key, value in stored.items() if value is not None}
    dimension = _integer(values, "dimension") or graph.vectors.shape[1]
    candidates = (name, values.get("name"))
    names = (text for text in candidates if isinstance(text, str) and params.is_blob_name(text))
    decoded_params = Params(
        name=next(names, _UNNAMED),
        dimension=dimension,
        m=_first_positive(_integer(values, "m"), graph.m, 16),
        ef_search=_first_positive(_integer(values, "efsearch"), graph.ef_search, 20),
        distance="euclidean" if graph.distance == "euclidean" else "cosine",
    )
    if reason := params.invalid_reason(decoded_params):
        raise BlobCorrupt(f"a parameter in its envelope is invalid: {reason}")
    if graph.distance not in {"cosine", "euclidean"} or values.get("distance", "") not in {"", graph.distance}:
        raise BlobCorrupt(
            f"its envelope has the distance {values.get('distance')!r} and its graph has {graph.distance!r}"
        )
    return decoded_params


def _integer(values: Mapping[str, Any], key: str) -> int:
    value = values.get(key, 0)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BlobCorrupt(f"its parameter {key} is not an integer")
    return value


def _first_positive(*values: int) -> int:
    return next(value for value in values if value > 0)


def _check_rows(graph: ExportedGraph, decoded_params: Params) -> None:
    for key in graph.keys:
        if reason := params.invalid_id_reason(key):
            raise BlobCorrupt(f"the id {key[:40]!r} of one of its vectors is invalid: {reason}")
    if graph.keys and graph.vectors.shape[1] != decoded_params.dimension:
        raise BlobCorrupt(
            f"its vectors have {graph.vectors.shape[1]:,} components, but its dimension is {decoded_params.dimension:,}"
        )
    valid = np.isfinite(graph.vectors).all(axis=1)
    if decoded_params.distance == "cosine":
        valid &= graph.vectors.any(axis=1)
    if not valid.all():
        # No index can contain these vectors, and to omit them would lose them silently.
        first = graph.keys[int(np.argmin(valid))]
        raise BlobCorrupt(
            f"vector {first!r} is zero or not finite, and so are {int((~valid).sum()):,} of its vectors in total; "
            "delete them with the service that wrote it"
        )


def _checked_metadata(key: str, text: msgspec.Raw) -> msgspec.Raw | None:
    try:
        return checked_metadata(text)
    except METADATA_ERRORS as error:
        raise BlobCorrupt(f"the metadata of {key!r} cannot be read ({error})") from error
