"""Languages: stop words, stems, and what is not a language."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import Stemmer
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.text.test_tokens import any_text
from vectord.errors import RequestInvalid
from vectord.text import languages
from vectord.text.languages import LANGUAGES, Analyzer, LanguageUnknown, stop_words
from vectord.text.tokens import MAX_TOKEN, tokens

FILES = sorted((Path(languages.__file__).parent / "stop_words").iterdir())
WITHOUT_STOP_WORDS = {"esperanto", "estonian", "nepali", "tamil", "yiddish"}


def terms(text: str, language: str | None, *, stopwords: bool = True) -> str:
    analyzer = Analyzer(language, stopwords)
    return " ".join(filter(None, analyzer.terms(tokens(text, dotless=analyzer.dotless))))


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("english", "the running of the foxes", "run fox"),
        ("german", "die Häuser und das Haus", "haus haus"),
        ("french", "l'amie des chevaux", "ami cheval"),
        ("spanish", "las canciones de los niños", "cancion niñ"),
        ("greek", "γάτες από την πόλη", "γατ πολ"),
        ("russian", "кошки и собаки", "кошк собак"),
        ("arabic", "في الكتاب", "كتاب"),
        ("hindi", "लड़कों के नाम", "लड़क नाम"),
        ("turkish", "ISPARTA ve \u0130zmirde", "\u0131spar izmir"),
        ("persian", "کتاب‌های و", "کتاب"),
        ("yiddish", "די קעץ", "די קעצ"),
    ],
)
def test_stop_words_are_removed_and_other_words_stemmed(language: str, text: str, expected: str) -> None:
    assert terms(text, language) == expected


def test_stop_words_can_be_kept() -> None:
    assert terms("the running of it", "english", stopwords=False) == "the run of it"


def test_without_a_language_words_stay_as_they_are() -> None:
    assert terms("the running of foxes", None) == "the running of foxes"


def test_a_word_of_which_the_stemmer_leaves_nothing_is_its_own_stem() -> None:
    assert Stemmer.Stemmer("arabic").stemWord("\u0640") == ""
    assert terms("\u0640", "arabic") == "\u0640"


def test_a_stem_that_is_longer_than_a_token_may_be_is_cut() -> None:
    """The stemmer of Serbian writes Cyrillic letters as Latin ones, some of which have more bytes."""
    (term,) = Analyzer("serbian").terms(["џ" * 64])
    assert term == "dž" * 42 + "d"


@pytest.mark.parametrize("language", LANGUAGES)
def test_pairs_of_unspaced_scripts_stay_as_they_are(language: str) -> None:
    found = tokens("東京都 ひらがな カタカナ 한국어 ภาษาไทย ພາສາລາວ ភាសាខ្មែរ မြန်မာ 猫")
    assert Analyzer(language).terms(found) == found


@given(any_text, st.sampled_from(LANGUAGES))
def test_a_term_is_not_empty_and_not_longer_than_a_token(text: str, language: str) -> None:
    found = [term for term in Analyzer(language).terms(tokens(text)) if term is not None]
    assert all(1 <= len(term.encode()) <= MAX_TOKEN for term in found)


def test_the_languages_are_those_of_the_stemmer() -> None:
    assert [*LANGUAGES] == sorted({*Stemmer.algorithms()} - {"porter", "dutch_porter"})


def test_every_file_of_stop_words_is_of_a_language() -> None:
    assert {file.stem for file in FILES} == {*LANGUAGES} - WITHOUT_STOP_WORDS
    assert {language for language in LANGUAGES if not stop_words(language)} == WITHOUT_STOP_WORDS


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_names_its_source_and_license(file: Path) -> None:
    source, license_line, *_ = file.read_text().splitlines()
    assert source.startswith("# Words of the ")
    assert license_line.startswith(("# License: BSD", "# License: Apache-2.0", "# License: MIT"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_stop_word_is_a_token_that_the_analysis_removes(file: Path) -> None:
    analyzer = Analyzer(file.stem)
    written = [word for line in file.read_text().splitlines() if line[0] != "#" for word in line.split()]
    assert [word for word in written if tokens(word, dotless=analyzer.dotless) != [word]] == []
    assert set(analyzer.terms(written)) == {None}
    assert written == sorted(set(written))


@pytest.mark.parametrize("language", ["klingon", "English", "en", "porter", "", "x" * 100_000])
def test_an_unknown_language_is_refused_with_its_place_and_the_languages(language: str) -> None:
    with pytest.raises(LanguageUnknown) as caught:
        Analyzer(language).check("text.body")
    assert caught.value.where == "text.body.language"
    assert isinstance(caught.value, RequestInvalid)
    message = str(caught.value)
    assert message.startswith("text.body.language is ")
    assert all(name in message for name in LANGUAGES)
    assert len(message) < 600


@pytest.mark.parametrize("language", [*LANGUAGES, None])
def test_a_language_of_the_list_is_accepted(language: str | None) -> None:
    Analyzer(language).check("text.body")


def test_an_analyzer_is_english_unless_the_request_says_otherwise() -> None:
    decode = msgspec.json.Decoder(Analyzer).decode
    assert decode(b"{}") == Analyzer("english", stopwords=True)
    assert decode(b'{"language": null, "stopwords": false}') == Analyzer(None, stopwords=False)
    with pytest.raises(msgspec.ValidationError, match="stemmer"):
        decode(b'{"stemmer": true}')


@pytest.mark.slow
def test_the_stemmer_is_imported_where_words_are_stemmed_alone() -> None:
    code = (
        "import sys; from vectord.text import analysis, query; from vectord.text.languages import Analyzer; "
        "Analyzer('german').check('text.body'); analysis.analyse(['Häuser'], Analyzer(None)); "
        "before = 'Stemmer' in sys.modules; analysis.analyse(['Häuser'], Analyzer('german')); "
        "print(before, 'Stemmer' in sys.modules)"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
