"""The languages of `words-1`: which words of a text are stop words, and to which stem another word belongs.

Stems are those of Snowball (PyStemmer). The words in `stop_words/` are of open lists; each file names its source and
license. Languages without a file there have no stop words.
"""

import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from vectord.errors import RequestInvalid
from vectord.text.tokens import cut

# As Snowball names them; its algorithms `porter` and `dutch_porter` are earlier ones, for English and Dutch.
LANGUAGES: Final = (
    *("arabic", "armenian", "basque", "catalan", "czech", "danish", "dutch", "english", "esperanto", "estonian"),
    *("finnish", "french", "german", "greek", "hindi", "hungarian", "indonesian", "irish", "italian", "lithuanian"),
    *("nepali", "norwegian", "persian", "polish", "portuguese", "romanian", "russian", "serbian", "sesotho"),
    *("spanish", "swedish", "tamil", "turkish", "yiddish"),
)
_FOLDER: Final = Path(__file__).with_name("stop_words")
_WITHOUT_ACCENTS: Final = "greek"  # the words in its file have none
_DOTLESS: Final = "turkish"
_MAX_SHOWN: Final = 60  # characters of a caller's language that an error message repeats


class LanguageUnknown(RequestInvalid):
    """`where` is the place of the language, as in `text.body.language`."""

    def __init__(self, where: str, language: str) -> None:
        self.where, self.language = where, language
        shown = language if len(language) <= _MAX_SHOWN else f"{language[:_MAX_SHOWN]}..."
        super().__init__(
            f"{where} is {shown!r}, which is no language of the analysis. The languages are {', '.join(LANGUAGES)}; "
            "null keeps words as they are."
        )


class Analyzer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the texts of a field are analysed. Without a language no word is a stop word, and each is its own stem."""

    language: str | None = "english"
    stopwords: bool = True  # True: stop words are removed

    def check(self, where: str) -> None:
        """Check that the language exists; `where` is the place of the analyzer in the request.

        Raises:
            LanguageUnknown: it does not.
        """
        if self.language is not None and self.language not in LANGUAGES:
            raise LanguageUnknown(f"{where}.language", self.language)

    @property
    def dotless(self) -> bool:
        """True if the capital I of the language has no dot in lower case."""
        return self.language == _DOTLESS

    def terms(self, tokens: Sequence[str]) -> list[str | None]:
        """Return the term of each token, None for a stop word. Pass distinct tokens, so that each is stemmed once."""
        if self.language is None:
            return list(tokens)
        stop = stop_words(self.language) if self.stopwords else frozenset[str]()
        compared = map(_without_marks, tokens) if self.language == _WITHOUT_ACCENTS else tokens
        stems = _stems(self.language, tokens)
        return [None if word in stop else stem for word, stem in zip(compared, stems, strict=True)]


@cache
def stop_words(language: str) -> frozenset[str]:
    """Return the stop words of a language, as tokens."""
    file = _FOLDER / f"{language}.txt"
    if not file.exists():
        return frozenset()
    lines = file.read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def _stems(language: str, tokens: Sequence[str]) -> list[str]:
    """Return the stem of each token: the token itself where nothing would be left, and cut as tokens are.

    A stemmer is made for each call (5 us), because one must not be used by two threads.
    """
    from Stemmer import Stemmer  # noqa: PLC0415  only where a text is analysed

    stems = Stemmer(language, 0).stemWords(tokens)  # without its cache, because the tokens are distinct
    return [cut(stem or token) for stem, token in zip(stems, tokens, strict=True)]


def _without_marks(token: str) -> str:
    return "".join(each for each in unicodedata.normalize("NFD", token) if not unicodedata.combining(each))
