"""Every form that an index can have, made of the same documents: fresh, plain, packed, read by ranges, rebuilt."""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import strategies as st

from tests.support import documents as d
from tests.support import vectors as v
from tests.support.sections import PACKED, PackedIndex, RecordingFetch, stored_object
from vectord.index import mutations
from vectord.index.build import rebuild
from vectord.index.codec import decode, encode
from vectord.index.columns.collect import collect_columns
from vectord.index.columns.writer import pack_columns
from vectord.index.state import Index
from vectord.lhv1 import frame

IDS = [f"id {number}" for number in range(12)]
SOME = st.dictionaries(
    st.sampled_from(IDS), st.just(...) | d.OBJECTS | d.DOCUMENTS.filter(lambda value: value is not None)
)
type Step = Mapping[str, Any] | list[str]  # documents to add, ... for no metadata; or ids to remove
# The base and the tail have equal values, of which a column has the whole or only a part.
SAME_VALUES: dict[str, Any] = {
    "first": {
        "id 0": {"a": "ab"},
        "id 1": {"a": [1, "x" * 129]},
        "id 2": {"a": 2**60 + 1},
        "id 3": {"a": [True, None]},
    },
    "steps": [{"id 4": {"a": "ab"}, "id 5": {"a": [1.0, "x" * 129]}, "id 6": {"a": 2**60 + 1}, "id 7": {"a": True}}],
}
STEPS = st.lists(SOME | st.lists(st.sampled_from(IDS), max_size=4), max_size=3)


def changed(index: Index, step: Step) -> Index:
    if isinstance(step, list):
        return mutations.remove(index, step)[0]
    drawn = np.random.default_rng(len(index) + index.base_rows).standard_normal((len(step), 3))
    return mutations.upsert(index, [v.item(each, row, step[each]) for each, row in zip(step, drawn, strict=True)])[0]


def fresh(first: Step, steps: list[Step]) -> Index:
    return reduce(changed, steps, changed(v.empty(3), first))


def plain(first: Step, steps: list[Step]) -> Index:
    return v.sealed(fresh(first, steps))


def plain_then_changed(first: Step, steps: list[Step]) -> Index:
    return reduce(changed, steps, v.sealed(changed(v.empty(3), first)))


def packed_blob(first: Step, steps: list[Step]) -> bytes:
    built = PackedIndex(changed(v.empty(3), first))
    for step in steps:
        built.commit(changed(built.index, step))
    return built.blob


def packed(first: Step, steps: list[Step]) -> Index:
    return decode.open_blob(packed_blob(first, steps))


def by_ranges(first: Step, steps: list[Step]) -> Index:
    return opened_by_ranges(packed_blob(first, steps), RecordingFetch())


def opened_by_ranges(blob: bytes, fetch: RecordingFetch) -> Index:
    head, parts = frame.decode(blob)
    return decode.open_head(head, lambda entry: fetch.section(bytes(parts[entry]), entry.name), fetch)


def without_columns(first: Step, steps: list[Step]) -> Index:
    """Return a packed index without the section `columns`, as earlier versions wrote it, with nothing fetched."""
    head, parts = frame.decode(packed_blob(first, steps))
    kept = {entry: bytes(data) for entry, data in parts.items() if entry.name != "columns"}
    older = frame.encode_head(msgspec.structs.replace(head.envelope, sections=list(kept)))
    return opened_by_ranges(older + b"".join(kept.values()), RecordingFetch())


def without_long_texts(first: Step, steps: list[Step]) -> Index:
    """Return a packed index whose columns omit long texts, as those of fields of texts do."""
    head, parts = frame.decode(blob := packed_blob(first, steps))
    index = decode.open_blob(blob)
    base = index.base.documents.read(range(index.base_rows), index.fetch) if index.base else []
    columns = pack_columns(collect_columns([each.metadata for each in base], without={"a", "b", "a.b", "text", "t"}))
    kept = {entry: bytes(data) for entry, data in parts.items()}
    changed = [
        (frame.section_entry("columns", entry.id, columns), columns) if entry.name == "columns" else (entry, data)
        for entry, data in kept.items()
    ]
    envelope = msgspec.structs.replace(head.envelope, sections=[entry for entry, _ in changed])
    return opened_by_ranges(frame.encode_head(envelope) + b"".join(data for _, data in changed), RecordingFetch())


def rebuilt(first: Step, steps: list[Step]) -> Index:
    """Return a packed index that was rebuilt while the last change was made."""
    before = packed(first, steps[:-1])
    made = rebuild.rebuild(before, "rebuilt", PACKED) if before.base else None
    if made is None:
        return packed(first, steps)
    now = reduce(changed, steps[-1:], before)
    carried = rebuild.apply(made, now)
    assert carried is not None
    return decode.open_blob(
        stored_object(encode.encode(carried, "t", "c", thresholds=PACKED, rebuild=False), b"".join(made.parts(100)))
    )


FORMS = [fresh, plain, plain_then_changed, packed, by_ranges, without_columns, without_long_texts, rebuilt]
FORM = pytest.mark.parametrize("form", FORMS)
Form = Callable[[Step, list[Step]], Index]


def documents(steps: list[Step]) -> dict[str, Any]:
    """Return the documents by id after the steps, from a model; None for no metadata."""
    model: dict[str, Any] = {}
    for step in steps:
        if isinstance(step, list):
            model = {each: value for each, value in model.items() if each not in step}
        else:
            model |= {each: model.get(each) if value is ... else value for each, value in step.items()}
    return model
