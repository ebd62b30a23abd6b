"""The sections of texts of an index, and the fields that a search can use."""

from tests.support import vectors as v
from tests.support.sections import PackedIndex
from vectord.index import mutations
from vectord.index.query.texts import active_fields, text_sources
from vectord.index.state import Index
from vectord.lhv1.text_fields import TextField

FIELDS = {"body": TextField(), "title": TextField(None)}


def grown(index: Index, first: int, count: int) -> Index:
    items = [v.item(f"row {row}", [row, 1, 1], {"body": f"word{row}"}) for row in range(first, first + count)]
    return mutations.upsert(index, items)[0]


def test_sources_are_the_base_and_the_pieces_with_their_removed_rows() -> None:
    built = PackedIndex(grown(v.declared(v.empty(3), FIELDS), 0, 20))
    built.commit(grown(built.index, 20, 3))
    built.commit(grown(mutations.remove(built.index, ["row 7", "row 21"])[0], 23, 2))
    index = grown(built.index, 24, 2)  # these rows are not written yet
    found = [
        (each.first, each.text.rows, each.removed.rows.tolist() if each.removed else []) for each in text_sources(index)
    ]
    [seventh] = [row for row, each in enumerate(index.documents.ids(range(20), index.fetch)) if each == "row 7"]
    assert found == [(0, 20, [seventh]), (20, 3, [1]), (23, 2, [1])]


def test_a_field_is_active_when_the_sections_have_it_as_it_is_declared() -> None:
    empty = v.declared(v.empty(3), FIELDS)
    assert active_fields(empty) == active_fields(grown(empty, 0, 1)) == FIELDS
    index = PackedIndex(grown(empty, 0, 20)).index
    assert active_fields(index) == FIELDS
    emptied = mutations.remove(index, [f"row {row}" for row in range(20)])[0]
    other = {"other": TextField()}
    assert (active_fields(v.declared(emptied, other)), list(text_sources(emptied))) == (other, [])
    changed = {"body": TextField("german"), "title": TextField(None), "new": TextField()}
    assert active_fields(v.declared(index, changed)) == {"title": TextField(None)}
    assert active_fields(v.declared(PackedIndex(grown(v.empty(3), 0, 20)).index, FIELDS)) == {}
