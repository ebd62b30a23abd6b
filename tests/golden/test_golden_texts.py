"""Golden files with texts and sparse vectors: their sections, terms and samples are what was written."""

import numpy as np
import pytest

from tests.support import golden
from tests.support.index_texts import expected_terms, stored_terms
from vectord.index.codec import decode
from vectord.index.sections.text_whole import all_postings
from vectord.lhv1 import frame, text_samples
from vectord.lhv1.text_fields import numbered


@pytest.mark.parametrize("name", ["sparse", "sparse-plain"])
def test_sparse_vectors_read_as_they_were_written(name: str) -> None:
    index = decode.open_blob(golden.read(name))
    stored: dict[str, dict[int, float]] = {"splade": {}, "of.second": {}}
    index.fetch(*((text.section, None) for text in index.texts))
    [row] = index.find(["row-33 é"]).values()
    numbers = [path for path, _ in numbered(index.text_fields)]
    for path, found in stored.items():
        [text] = [text for text in index.texts if text.rows == 42]
        postings = all_postings(text)[numbers.index(path)]
        terms = np.repeat(np.arange(len(postings.terms)), postings.frequencies)[postings.rows == row].tolist()
        values = postings.counts[postings.rows == row].view(np.float32).tolist()
        found |= {int.from_bytes(postings.terms[term], "big"): value for term, value in zip(terms, values, strict=True)}
    tenth, thirtieth = np.float32([0.1, 1 / 34]).tolist()
    assert stored == {"splade": {2**32 - 34: tenth, 1: -33.0, 300: thirtieth}, "of.second": {}}


def test_the_files_with_sparse_vectors_have_every_section_of_them() -> None:
    sections = {name: frame.decode(golden.read(name))[0].envelope.sections for name in ("sparse", "sparse-plain")}
    assert {name: [entry.name for entry in entries] for name, entries in sections.items()} == {
        "sparse": ["piece", "piece-text", "piece", "piece-text", "parts", "columns", "text", "rows", "graph"],
        "sparse-plain": ["text", "graph"],
    }


def test_columns_have_no_path_inside_a_sparse_vector() -> None:
    blob = golden.read("sparse")
    head, sections = frame.decode(blob)
    [columns] = [bytes(sections[entry]) for entry in head.envelope.sections if entry.name == "columns"]
    assert b"splade" in columns
    assert b"splade.indices" not in columns
    assert b"of.second.values" not in columns


@pytest.mark.parametrize("name", ["texts", "texts-plain"])
def test_texts_have_the_terms_that_they_were_written_with(name: str) -> None:
    index = decode.open_blob(golden.read(name))
    terms = stored_terms(index)
    assert terms == expected_terms(index)
    assert "row-08 é" not in terms
    assert terms["row-02 é"] == {
        "body": {"die": 1, "häuser": 1, "der": 1, "stadt": 1, "und": 1, "ein": 1, "haus": 1, "word2": 2},
        "of.title": {"die": 1, "haus": 2, "der": 1, "stadt": 1, "und": 1, "ein": 1},
        "tags": {"t2": 1},
    }
    assert terms["row-33 é"]["body"]["word3"] == 231
    assert terms["row-06 é"]["of.title"] == {"été": 2, "ω": 2, "fish": 1}


def test_samples_lead_to_the_blocks_of_terms_as_they_were_written() -> None:
    head, sections = frame.decode(golden.read("text-samples"))
    assert head.envelope.text
    (of_piece, none), (front, samples) = head.envelope.text.of_sections
    [size] = [len(data) for entry, data in sections.items() if entry.name == "text"]
    body, title = text_samples.unpack(samples, 2, front, size)
    assert (of_piece > 0, none) == (True, b"")
    assert (len(body.firsts), body.firsts[:2], body.firsts[-1]) == (11, [b"", b"word0202"], "住".encode()[:2])
    assert (body.starts[:2], title.firsts, title.starts) == ([1_121, 5_679], [b""], [47_463, 47_755])
    index = decode.open_blob(golden.read("text-samples"))
    assert stored_terms(index) == expected_terms(index)


def test_the_files_with_texts_have_every_section_of_them() -> None:
    sections = {name: frame.decode(golden.read(name))[0].envelope.sections for name in ("texts", "texts-plain")}
    assert {name: [entry.name for entry in entries] for name, entries in sections.items()} == {
        "texts": ["piece", "piece-text", "piece", "piece-text", "parts", "columns", "text", "rows", "graph"],
        "texts-plain": ["text", "graph"],
    }
