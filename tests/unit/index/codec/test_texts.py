"""The texts of an index in its blob: written by builds, and by commits that add rows; every byte is that of a build."""

import msgspec
import pytest
from msgspec import structs

from tests.support.index_texts import BODY, empty, expected_terms, passage, raw, stored_terms
from tests.support.packed_rows import names
from tests.support.sections import PACKED, PackedIndex, cold, stored_object
from vectord.index import mutations
from vectord.index.build import rebuild
from vectord.index.codec import decode, encode
from vectord.index.codec.encode import PreparedBlob
from vectord.index.query.prefetch import fetch_all
from vectord.index.sections.text_whole import all_postings
from vectord.index.state import Index
from vectord.index.text.packing import pack_texts
from vectord.index.thresholds import Thresholds, build_is_due
from vectord.lhv1.text_fields import TextField
from vectord.writers.plain_form import plain_form

OLD = [passage("a", "The quick brown fox"), passage("b", ["jumps over", "the lazy dog"], 1), passage("c", "Füchse", 2)]
NEW = [passage("d", "A quick dog", 3), passage("a", "no more foxes", 4)]
PLAIN = Thresholds(packed=1 << 30)


def packed_index(thresholds: Thresholds = PACKED) -> PackedIndex:
    return PackedIndex(mutations.upsert(empty(), OLD)[0], thresholds)


def commit(index: Index, thresholds: Thresholds, *, rebuild: bool | None = None) -> Index:
    return decode.open_blob(encode.encode(index, "t", "c", thresholds=thresholds, rebuild=rebuild).blob)


def test_a_build_writes_the_texts_of_all_rows() -> None:
    written = packed_index()
    assert names(written) == ["parts", "columns", "text", "rows", "graph"]
    assert stored_terms(written.index) == expected_terms(written.index)
    assert stored_terms(written.index)["a"] == {"body": {"quick": 1, "brown": 1, "fox": 1}}
    assert written.envelope.text is not msgspec.UNSET
    assert (written.envelope.text.analysis, written.envelope.text.fields) == ("words-1", BODY)


def test_an_add_writes_the_texts_of_its_rows_behind_their_piece_and_copies_the_rest() -> None:
    written = packed_index()
    before = written.blob
    encoded = written.add(*NEW)
    assert [entry.name for entry, _ in encoded.sections] == ["piece", "piece-text"]
    assert encoded.copied is not None
    assert before.endswith(before[slice(*encoded.copied)])
    assert names(written) == ["piece", "piece-text", "parts", "columns", "text", "rows", "graph"]
    assert stored_terms(written.index) == expected_terms(written.index)


def test_the_texts_of_a_piece_that_is_written_again_are_written_again_with_it() -> None:
    many = [passage(f"old {number}", f"word{number}", number) for number in range(40)]
    written = PackedIndex(mutations.upsert(empty(), many)[0], structs.replace(PACKED, part=1_024))
    for number in range(4):
        written.add(passage(f"new {number}", f"word{number} again", number))
    assert (names(written)[:3], written.envelope.pieces) == (["piece", "piece-text", "parts"], [4])
    assert stored_terms(written.index) == expected_terms(written.index)


def test_a_commit_keeps_the_texts_of_pieces_that_it_keeps() -> None:
    written = packed_index()
    for number in range(3):
        written.add(*(passage(f"{number}/{row}", f"word{row} of {number}", row) for row in range(20 + number)))
    written.remove("1/3", "a")
    assert names(written)[:6] == ["piece", "piece-text"] * 3
    assert stored_terms(written.index) == expected_terms(written.index)


def test_texts_after_any_commits_have_the_bytes_of_a_fresh_build_once_they_are_built() -> None:
    written = packed_index()
    written.add(*NEW)
    written.remove("b")
    written.commit(mutations.patch(written.index, written.index.find(["d"]), raw({"body": "patched"}), "merge"))
    written.commit(written.index, rebuild=True)
    [text] = written.index.texts
    metadata = written.index.metadata_of(written.index.find(["a", "c", "d"]))
    ids = written.index.ids_of(range(3))
    assert bytes(text.section.buffer) == pack_texts([metadata[vector_id] for vector_id in ids], BODY).data


def test_a_plain_index_has_its_texts_before_the_graph() -> None:
    index = commit(mutations.upsert(empty(), OLD)[0], PLAIN)
    assert index.base is not None
    assert [entry.name for entry in index.base.entries] == ["text", "graph"]
    changed = commit(mutations.upsert(index, NEW)[0], PLAIN)
    assert stored_terms(changed) == expected_terms(changed)


def test_an_index_that_was_not_built_has_texts_behind_each_piece() -> None:
    thresholds = structs.replace(PACKED, part=64)
    encoded = encode.encode(mutations.upsert(empty(), OLD)[0], "t", "c", thresholds=thresholds, rebuild=False)
    index, blob = decode.open_blob(encoded.blob), encoded.blob
    encoded = encode.encode(mutations.upsert(index, NEW)[0], "t", "d", thresholds=thresholds, rebuild=False)
    index = decode.open_blob(stored_object(encoded, blob))
    assert stored_terms(index) == expected_terms(index)
    assert index.text_fields == BODY


def test_an_index_without_rows_has_no_texts() -> None:
    index = commit(empty(), PACKED)
    assert (index.texts, index.text_fields, index.params.text) == ([], {}, BODY)
    written = packed_index()
    written.remove("a", "b", "c")
    assert (written.index.texts, written.index.text_fields) == ([], {})


def declared_later() -> PackedIndex:
    """Return a packed index with a piece, whose fields were declared when it had rows, and which is not built yet."""
    written = PackedIndex(mutations.upsert(empty(fields={}), OLD)[0])
    later = structs.replace(written.index, params=structs.replace(written.index.params, text=BODY))
    written.commit(later, rebuild=False)
    written.commit(mutations.upsert(written.index, NEW)[0], rebuild=False)
    return written


def test_a_field_that_is_declared_later_has_texts_from_the_next_build_on() -> None:
    written = declared_later()
    assert (written.index.texts, written.index.text_fields) == ([], {})
    assert written.index.params.text == BODY
    assert build_is_due(written.index)
    written.commit(written.index)
    assert (written.index.text_fields, build_is_due(written.index)) == (BODY, False)
    assert stored_terms(written.index) == expected_terms(written.index) != {}


def applied(written: PackedIndex, later: Index, thresholds: Thresholds = PACKED) -> tuple[PreparedBlob, Index]:
    """Return what a compaction of the present state commits under the state `later`, and the index that it leads to."""
    rebuilt = rebuild.rebuild(written.index, "build", thresholds)
    assert rebuilt is not None
    index = rebuild.apply(rebuilt, later)
    assert index is not None
    encoded = encode.encode(index, "t", "apply", thresholds=thresholds, rebuild=False)
    staged = b"".join(rebuilt.parts(1 << 20))
    return encoded, decode.open_blob(stored_object(encoded, staged))


@pytest.mark.parametrize("make", [packed_index, declared_later])
def test_a_compaction_carries_texts_of_later_changes_over(make: type[PackedIndex]) -> None:
    written = make()
    later = written.branch()
    added = [passage("e", "came later", 5), passage("b", "replaced later", 6)]
    changed = mutations.remove(mutations.upsert(later.index, added)[0], ["c"])[0]
    later.commit(changed, rebuild=False)
    _, index = applied(written, later.index)
    assert stored_terms(index) == expected_terms(later.index) | stored_terms(index) != {}
    assert stored_terms(index).keys() == {"a", "b", "e"} | later.index.find(["d"]).keys()
    assert index.text_fields == BODY


def test_a_field_that_is_no_longer_declared_is_gone_with_the_next_build() -> None:
    written = packed_index()
    undeclared = structs.replace(written.index.params, text=msgspec.UNSET)
    changed = mutations.upsert(structs.replace(written.index, params=undeclared), NEW)[0]
    written.commit(changed, rebuild=False)
    assert stored_terms(written.index) == expected_terms(written.index) != {}
    written.commit(written.index)
    assert (written.index.texts, names(written)) == ([], ["parts", "columns", "rows", "graph"])


def test_fields_have_their_own_paths_and_options() -> None:
    fields = {"by.title": TextField("german"), "raw": TextField(None), "of": TextField(stopwords=False)}
    value = {"by": [{"title": "Die Häuser"}, {"title": 3}], "by.title": "zwei", "raw": "The cats", "of": {"x": "no"}}
    written = PackedIndex(mutations.upsert(empty(fields=fields), [passage("a", "x")])[0])
    written.commit(mutations.patch(written.index, written.index.find(["a"]), raw(value), "replace"), rebuild=True)
    found = stored_terms(written.index)["a"]
    assert found == {"by.title": {"haus": 1, "zwei": 1}, "raw": {"the": 1, "cats": 1}}
    assert found == expected_terms(written.index)["a"]


def test_warming_fetches_the_texts() -> None:
    written = packed_index()
    written.add(*NEW)
    index, _ = cold(written.blob, 1 << 20)
    fetch_all(index)
    assert all(text.section.whole for text in index.texts)
    assert [len(all_postings(text)) for text in index.texts] == [1, 1]


def test_an_export_of_the_plain_form_keeps_the_texts() -> None:
    written = packed_index()
    for index in (written.index, cold(written.blob)[0], mutations.upsert(written.index, NEW)[0]):
        exported = decode.open_blob(b"".join(plain_form(index, "t", "c")))
        assert stored_terms(exported) == expected_terms(exported) != {}
