"""A rebuild that is applied to a later state contains exactly what that state contains."""

import tracemalloc
from dataclasses import dataclass
from functools import reduce

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import vectors as v
from vectord.index import mutations
from vectord.index import state as index_state
from vectord.index.build import rebuild
from vectord.index.build.rebuild import Rebuilt
from vectord.index.codec import decode, encode
from vectord.index.codec.encode import PreparedBlob
from vectord.index.rows import Item
from vectord.index.sections import graph
from vectord.index.state import Index
from vectord.index.thresholds import Thresholds
from vectord.lhv1.params import new_params

SIZES = Thresholds(packed=1, part=512)
IDS = ["a", "b", "c", "d", "e/%2F", "ü"]


@dataclass(frozen=True)
class Add:
    """An upsert of some ids; equal seeds give equal vectors."""

    ids: tuple[str, ...]
    seed: int = 0
    metadata: str | None = None


@dataclass(frozen=True)
class Remove:
    ids: tuple[str, ...]


type Step = Add | Remove

SOME_IDS = st.lists(st.sampled_from(IDS), min_size=1, max_size=3, unique=True).map(tuple)
ADDS = st.builds(Add, SOME_IDS, st.integers(0, 2), st.sampled_from([None, "{}", '{"x": 1}']))
HISTORY = st.lists(ADDS | st.builds(Remove, SOME_IDS), max_size=6)

ALL = Add(tuple(IDS), metadata='{"of": "all"}')


def changed(index: Index, step: Step) -> Index:
    if isinstance(step, Remove):
        return mutations.remove(index, step.ids)[0]
    vector = np.random.default_rng(step.seed).standard_normal(3).astype(np.float32)
    metadata = None if step.metadata is None else msgspec.Raw(step.metadata.encode())
    return mutations.upsert(index, [Item(vector_id, vector, metadata) for vector_id in step.ids])[0]


def blob_of(encoded: PreparedBlob, body: bytes) -> bytes:
    kept = body[slice(*encoded.copied)] if encoded.copied else b""
    return encoded.front + kept


def built(*history: Step, rebuild_id: str = "first") -> bytes:
    """Return the blob of a packed index without a tail."""
    empty = index_state.empty_index(new_params("t", 3, distance="euclidean"))
    return encode.encode(reduce(changed, history, empty), "t", rebuild_id, thresholds=SIZES, rebuild=True).blob


def after(blob: bytes, *history: Step) -> bytes:
    """Return the blob after changes, each in a commit on the same base; none empties it."""
    for number, step in enumerate(history):
        index = decode.open_blob(blob)
        then = changed(index, step)
        if then is not index and len(then):
            blob = blob_of(encode.encode(then, "t", f"{number}", thresholds=SIZES, rebuild=False), blob)
    return blob


def rebuilt(blob: bytes) -> Rebuilt:
    made = rebuild.rebuild(decode.open_blob(blob), "second", SIZES)
    assert made is not None
    return made


def applied(made: Rebuilt, blob: bytes) -> Index:
    """Return the state of `blob` on the rebuilt base, committed and opened again."""
    index = rebuild.apply(made, decode.open_blob(blob))
    assert index is not None
    body = b"".join(made.parts(100))
    return decode.open_blob(blob_of(encode.encode(index, "t", "compacted", thresholds=SIZES, rebuild=False), body))


def contents(index: Index) -> dict[str, tuple[bytes, bytes | None]]:
    rows = index.rows
    texts = {vector_id: bytes(text) for vector_id, text in rows.metadata.items()}
    return {
        vector_id: (vector.tobytes(), texts.get(vector_id))
        for vector_id, vector in zip(rows.ids, rows.vectors, strict=True)
    }


def test_a_rebuilt_index_has_no_tail_and_no_removed_rows() -> None:
    blob = after(built(ALL), Add(("a",), seed=1), Remove(("b",)), Add(("new",), seed=2))
    index = applied(rebuilt(blob), blob)
    assert (len(index.tail), len(index.removed), index.base_rows) == (0, 0, 6)
    assert contents(index) == contents(decode.open_blob(blob))


@pytest.mark.parametrize(
    "meanwhile",
    [
        pytest.param([Add(("new",), seed=1)], id="added"),
        pytest.param([Add(("a",), seed=1)], id="replaced"),
        pytest.param([Add(("late",), seed=1)], id="replaced-in-the-tail"),
        pytest.param([Remove(("a", "late"))], id="removed"),
        pytest.param([Remove(("a",)), Add(("a",))], id="removed-and-added-again-as-it-was"),
        pytest.param([Add(("a", "late"), metadata='{"x": 1}')], id="other-metadata"),
        pytest.param([Add(("new",)), Remove(("new",))], id="added-and-removed"),
        pytest.param([Add((f"n{i}",), seed=i) for i in range(40)], id="more-commits-than-a-tail-has-pieces"),
        pytest.param([], id="nothing"),
    ],
)
def test_changes_during_the_rebuild_are_applied(meanwhile: list[Step]) -> None:
    before = after(built(ALL), Add(("late",), seed=3))
    now = after(before, *meanwhile)
    assert contents(applied(rebuilt(before), now)) == contents(decode.open_blob(now))


def test_only_rows_that_differ_from_the_build_are_in_the_new_tail() -> None:
    before = after(built(ALL), Add(("late",), seed=3))
    index = applied(rebuilt(before), after(before, Add(("a", "new"), seed=1), Remove(("b",))))
    assert (v.tail_ids(index), len(index.removed)) == (["a", "new"], 2)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Add(("other",), 1, "{}"), id="by-id"),
        pytest.param(Add(("late",), 2, "{}"), id="by-vector"),
        pytest.param(Add(("late",), 1, '{"x": 1}'), id="by-metadata"),
        pytest.param(Add(("late",), 1), id="by-having-metadata"),
    ],
)
def test_different_rows_with_the_same_number_in_two_histories_are_distinguished(other: Add) -> None:
    made = rebuilt(after(built(ALL), Add(("late",), 1, "{}")))
    now = after(built(ALL), other)
    assert contents(applied(made, now)) == contents(decode.open_blob(now))


def test_rows_that_the_build_renumbered_are_found() -> None:
    drawn = np.random.default_rng(0).standard_normal((300, 3)).astype(np.float32)
    empty = index_state.empty_index(new_params("t", 3, distance="euclidean"))
    full, _, _ = mutations.upsert(empty, [Item(f"{row}", vector) for row, vector in enumerate(drawn)])
    before = after(
        encode.encode(full, "t", "first", thresholds=SIZES, rebuild=True).blob, Remove(("7",)), Add(("late",), 3)
    )
    now = after(before, Remove(tuple(f"{row}" for row in range(0, 300, 3))), Add(("1", "late"), 4))
    made = rebuilt(before)
    assert np.any(np.diff(made.new_rows[made.new_rows >= 0]) != 1)
    assert contents(applied(made, now)) == contents(decode.open_blob(now))


@given(HISTORY, HISTORY, HISTORY)
@pytest.mark.slow
def test_two_states_on_one_base_may_have_any_histories(shared: list[Step], before: list[Step], now: list[Step]) -> None:
    common = after(built(ALL), *shared)
    made, state = rebuilt(after(common, *before)), after(common, *now)
    assert contents(applied(made, state)) == contents(decode.open_blob(state))


def test_applied_tokens_of_the_later_state_are_kept() -> None:
    before = after(built(ALL), Add(("late",)))
    uploaded = mutations.record_upload(changed(decode.open_blob(before), Add(("new",))), "uploads/t/x.jsonl", "07")
    now = blob_of(encode.encode(uploaded, "t", "upload", thresholds=SIZES, rebuild=False), before)
    index = applied(rebuilt(before), now)
    assert index.applied == (*decode.open_blob(now).applied, "compacted")
    assert index.has_applied("upload")


def test_a_rebuild_does_not_apply_to_a_state_with_another_base() -> None:
    made = rebuilt(after(built(ALL), Add(("late",))))
    assert rebuild.apply(made, decode.open_blob(built(ALL, rebuild_id="another"))) is None


def unbuilt(*history: Step) -> bytes:
    """Return the blob of an index without a base, after changes each in a commit; none empties it."""
    blob = encode.encode(index_state.empty_index(new_params("t", 3, distance="euclidean")), "t", "created").blob
    return after(blob, *history)


def test_rows_without_a_base_are_written_as_they_were_added() -> None:
    index = decode.open_blob(unbuilt(ALL, Add(("a",), seed=1), Remove(("b",)), Add(("new",), seed=2)))
    assert (index.base, [entry.name for entry in index.tail_entries]) == (None, ["piece"])
    assert sorted(contents(index)) == sorted({*IDS, "new"} - {"b"})


def test_a_commit_copies_a_long_piece_of_an_index_without_a_base_and_adds_one() -> None:
    before = decode.open_blob(unbuilt(Add(tuple(f"{row}" for row in range(50)))))
    [entry] = before.tail_entries
    encoded = encode.encode(changed(before, Add(("new",), seed=1)), "t", "second", thresholds=SIZES, rebuild=False)
    assert encoded.copied == (before.body_start, before.body_start + entry.bytes)
    assert encoded.envelope.pieces == [1, 50]


@pytest.mark.parametrize("rows", [1, 4, 50])
def test_the_first_section_after_the_head_of_an_index_without_a_base_is_aligned(rows: int) -> None:
    index = decode.open_blob(unbuilt(Add(tuple(f"{row}" for row in range(rows)))))
    assert index.body_start % 64 == 0


@given(HISTORY, HISTORY, HISTORY)
@pytest.mark.slow
def test_a_first_build_applies_to_any_later_state_that_has_no_base(
    shared: list[Step], before: list[Step], now: list[Step]
) -> None:
    common = [Add(("kept",), seed=7), *shared]
    made, later = rebuilt(unbuilt(*common, *before)), unbuilt(*common, *now)
    assert contents(applied(made, later)) == contents(decode.open_blob(later))


def test_a_first_build_does_not_apply_to_an_index_that_was_created_again() -> None:
    assert rebuild.apply(rebuilt(unbuilt(ALL)), decode.open_blob(unbuilt(Add(("other",))))) is None


def test_a_first_build_does_not_apply_to_an_index_that_was_created_with_another_dimension() -> None:
    other = index_state.empty_index(new_params("t", 4, distance="euclidean"))
    rows = mutations.upsert(other, [Item("a", np.ones(4, np.float32))])[0]
    blob = encode.encode(rows, "t", "other", rebuild=False).blob
    assert rebuild.apply(rebuilt(unbuilt(ALL)), decode.open_blob(blob)) is None


def test_a_rebuild_does_not_apply_to_an_index_without_a_base() -> None:
    empty = index_state.empty_index(new_params("t", 3, distance="euclidean"))
    assert rebuild.apply(rebuilt(after(built(ALL), Add(("late",)))), empty) is None


def test_an_index_that_was_emptied_meanwhile_is_written_empty() -> None:
    before = after(built(ALL), Add(("late",)))
    emptied = rebuild.apply(rebuilt(before), changed(decode.open_blob(before), Remove((*IDS, "late"))))
    assert emptied is not None
    encoded = encode.encode(emptied, "t", "compacted", thresholds=SIZES, rebuild=False)
    assert (encoded.copied, contents(decode.open_blob(encoded.blob))) == (None, {})


def test_an_index_that_became_small_is_not_rebuilt_in_the_packed_form() -> None:
    assert rebuild.rebuild(decode.open_blob(built(ALL)), "second", Thresholds(packed=1 << 20)) is None


@pytest.mark.parametrize("size", [1, 7, 100, 1 << 20])
def test_parts_have_the_requested_size_and_together_are_the_body(size: int) -> None:
    made = rebuilt(built(ALL))
    parts = list(made.parts(size))
    assert b"".join(parts) == b"".join(data for _, data in made.sections)
    assert {len(part) for part in parts[:-1]} <= {size}
    assert 0 < len(parts[-1]) <= size


@pytest.mark.slow
def test_reading_all_rows_copies_the_vectors_of_the_base_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "_COPIED_ROWS", 256)
    vectors = np.random.default_rng(1).standard_normal((4_000, 256)).astype(np.float32)
    index = decode.open_blob(v.blob_of_matrix(vectors[:3_900], "euclidean", thresholds=SIZES))
    index = mutations.upsert(index, [Item(f"new-{row}", vectors[row]) for row in range(3_900, 4_000)])[0]
    tracemalloc.start()
    try:
        rows = index.rows
        assert tracemalloc.get_traced_memory()[1] < 1.8 * vectors.nbytes
    finally:
        tracemalloc.stop()
    assert sorted(map(tuple, rows.vectors[:, :3].tolist())) == sorted(map(tuple, vectors[:, :3].tolist()))
