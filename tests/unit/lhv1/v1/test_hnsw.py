"""An exported graph of coder/hnsw: its keys and vectors are read, and no bytes crash the decoder."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import hnsw as h
from vectord.errors import BlobCorrupt, BlobError, BlobUnsupported
from vectord.lhv1.v1 import hnsw

TWO = [("a", (1, 2), ("é",)), ("é", (-0.0, 1e-40), ("a", "absent"))]
UPPER = [("a", (1, 2), ())]
HEAD = h.graph([])[:-1]  # without the count of layers


def _held(data: bytes) -> dict[str, bytes]:
    graph = hnsw.decode(data)
    return {key: vector.tobytes() for key, vector in zip(graph.keys, graph.vectors, strict=True)}


def test_the_test_encoder_writes_the_specified_bytes() -> None:
    assert h.graph([[("k", (1.5,), ("n",))]], m=1337, ef_search=20) == bytes.fromhex(
        "02"  # version 1, zig-zag
        "f214"  # M 1337
        "000000000000d03f"  # Ml 0.25
        "28"  # EfSearch 20
        "0c636f73696e65"  # "cosine"
        "02"  # one layer
        "02"  # of one node
        "026b"  # "k"
        "020000c03f"  # one component, 1.5
        "02026e"  # one neighbour, "n"
    )


def test_keys_and_vectors_are_those_of_layer_0() -> None:
    assert _held(h.graph([TWO, UPPER])) == {key: np.array(vector, np.float32).tobytes() for key, vector, _ in TWO}


def test_parameters_are_read() -> None:
    graph = hnsw.decode(h.graph([], m=8, ef_search=300, distance="euclidean"))
    assert (graph.m, graph.ef_search, graph.distance) == (8, 300, "euclidean")


@pytest.mark.parametrize("layers", [[], [[]], [[], []]])
def test_a_graph_without_nodes_is_empty(layers: list[list[h.Node]]) -> None:
    assert _held(h.graph(layers)) == {}


def test_a_layer_above_may_be_empty() -> None:
    assert _held(h.graph([TWO, []])).keys() == {"a", "é"}


def test_neighbours_are_skipped_whatever_their_length() -> None:
    far = ["n" * 63, "n" * 64, "", "n" * 20_000] * 100
    assert _held(h.graph([[("k" * 1_000, (1,), far), ("z", (2,), ())]])).keys() == {"k" * 1_000, "z"}


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
        st.tuples(*[st.floats(width=32, allow_nan=False)] * 3),
        max_size=8,
    ),
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=80), max_size=5),
    st.integers(-(2**63), 2**63 - 1),
)
def test_an_encoded_graph_is_decoded_to_the_same_values(
    vectors: dict[str, tuple[float, ...]], neighbours: list[str], parameter: int
) -> None:
    layer = [(key, vector, neighbours) for key, vector in vectors.items()]
    data = h.graph([layer, layer[:2]], m=parameter, ef_search=parameter)
    assert _held(data) == {key: np.array(vector, np.float32).tobytes() for key, vector in vectors.items()}
    assert hnsw.decode(data).m == parameter


def test_a_graph_truncated_at_any_length_is_refused() -> None:
    data = h.graph([TWO, UPPER])
    for length in range(len(data)):
        with pytest.raises(BlobCorrupt):
            hnsw.decode(data[:length])


def test_bytes_after_the_graph_are_refused() -> None:
    with pytest.raises(BlobCorrupt, match="1 bytes before"):
        hnsw.decode(h.graph([TWO]) + b"\0")


def test_another_version_of_the_encoding_is_unsupported() -> None:
    with pytest.raises(BlobUnsupported, match="version 2"):
        hnsw.decode(h.graph([TWO], version=2))


def test_a_repeated_key_is_refused() -> None:
    with pytest.raises(BlobCorrupt, match="twice"):
        hnsw.decode(h.graph([[TWO[0], TWO[0]]]))


def test_vectors_of_two_lengths_are_refused() -> None:
    with pytest.raises(BlobCorrupt, match="'b' of its graph has 1 components, but others have 2"):
        hnsw.decode(h.graph([[TWO[0], ("b", (1,), ())]]))


def test_a_key_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(BlobCorrupt, match="UTF-8"):
        hnsw.decode(h.graph([TWO[1:]]).replace("é".encode(), b"\xff\xff"))


HUGE = (-1, 1, 2**20, 2**31, 2**62, -(2**63))


@pytest.mark.parametrize("count", HUGE)
@pytest.mark.parametrize(
    "before",
    [
        HEAD,
        HEAD + h.number(1),
        HEAD + h.number(1) + h.number(1),
        HEAD + h.number(1) + h.number(1) + h.text("a"),
        h.graph([[("a", (1, 2), ())]])[:-1],
        h.graph([[("a", (1, 2), ("n",))]])[:-2],
    ],
    ids=["layers", "nodes", "key", "components", "neighbours", "neighbour"],
)
def test_a_count_beyond_the_data_is_refused_before_memory_is_allocated(before: bytes, count: int) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(BlobCorrupt, match="counts" if abs(count) > 1 else None):
            hnsw.decode(before + h.number(count))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_number_of_more_than_64_bits_is_refused() -> None:
    with pytest.raises(BlobCorrupt, match="64 bits"):
        hnsw.decode(b"\xff" * 100)


@pytest.mark.slow
def test_memory_is_proportional_to_the_data() -> None:
    data = HEAD + h.number(1) + h.number(20_000) + b"\0\0\0" * 20_000
    tracemalloc.start()
    try:
        with pytest.raises(BlobCorrupt, match="twice"):
            hnsw.decode(data)
        assert tracemalloc.get_traced_memory()[1] < 40 * len(data)
    finally:
        tracemalloc.stop()


def test_an_altered_byte_gives_a_graph_or_an_error() -> None:
    good = bytearray(h.graph([TWO, UPPER]))
    for offset in range(len(good)):
        for byte in (*range(0, 256, 5), 0x7F, 0x80, 0xFF):
            data = bytes(good[:offset]) + bytes([byte]) + bytes(good[offset + 1 :])
            try:
                graph = hnsw.decode(data)
            except BlobError:
                continue
            assert len(graph.keys) == len(graph.vectors) == len(set(graph.keys))


@given(st.binary(max_size=200), st.booleans())
def test_random_bytes_give_a_graph_or_an_error(data: bytes, after_a_head: bool) -> None:
    try:
        graph = hnsw.decode(HEAD + data if after_a_head else data)
    except BlobError:
        return
    assert len(graph.keys) == len(graph.vectors)
