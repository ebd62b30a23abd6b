"""What S3 answers, read strictly: what is not an answer of S3 to the request counts as none."""

import re
from collections.abc import Mapping
from typing import Final

from vectord.errors import StoreUnavailable
from vectord.storage.s3.connections import Answer
from vectord.storage.s3.errors import refusal

_CODE: Final = re.compile(rb"<Error\b[^>]*>.*?<Code>([\w.-]+)</Code>", re.DOTALL)
_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
# XML as S3 writes it: no document type, hence no entities of its own; white space comes while S3 is at work.
_DOCUMENT: Final = re.compile(rb"\s*(?:<\?xml[^>]*\?>)?\s*<(\w+)(?:\s[^<>]*)?>(.*)</\1>\s*", re.DOTALL)
_ETAG: Final = re.compile(r'"[^"]+"')
_FIELD: Final = re.compile(rb"<(\w+)>([^<]*)</\1>")
_ENTITY: Final = re.compile(r"&(.*?);")
_ENTITIES: Final = {"quot": '"', "#34": '"', "#x22": '"', "apos": "'", "amp": "&", "lt": "<", "gt": ">"}


def expect(answer: Answer, *statuses: int) -> None:
    """Raise what the answer stands for, if it is none of `statuses`."""
    if answer.status not in statuses:
        raise refusal(code_of(answer), answer.status)


def code_of(answer: Answer) -> str:
    """Return the code of an error; the bare status where S3 gives none."""
    found = _CODE.search(answer.data)
    return found[1].decode() if found else str(answer.status)


def etag_of(answer: Answer) -> str:
    """Return the ETag in the answer's head; StoreUnavailable if it has none, or half of one."""
    etag = present(answer.headers, "etag")
    if not _ETAG.fullmatch(etag):
        raise StoreUnavailable("an ETag that is not S3's")
    return etag


def content_range(answer: Answer) -> tuple[int, int, int]:
    """Return where the answer's bytes start and stop in the object, and the object's size."""
    found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    if found is None:
        raise StoreUnavailable("a range that does not say where it lies")
    start, last, size = map(int, found.groups())
    if last + 1 - start != len(answer.data):
        raise StoreUnavailable("a range of another length than it says")
    return start, last + 1, size


def fields(answer: Answer, root: str, *needed: str) -> Mapping[str, str]:
    """Return the fields of the document in XML, a `root`, that the answer is to be, `needed` among them.

    Raises:
        StoreUnavailable: it is something else.
        StoreError: as `expect` raises, also for an error that came under the status 200.
    """
    values = fields_in(document(answer, root))
    for name in needed:
        present(values, name)
    return values


def document(answer: Answer, root: str) -> bytes:
    """Return what lies inside the document in XML, a `root`, that the answer is to be; raise as `fields` does."""
    expect(answer, 200)
    found = _DOCUMENT.fullmatch(answer.data)
    if found is None:
        raise StoreUnavailable("an answer that is not S3's")
    if found[1] == b"Error":
        raise refusal(present(fields_in(found[2]), "Code"), answer.status)
    if found[1] != root.encode():
        raise StoreUnavailable("an answer to something else")
    inside: bytes = found[2]
    return inside


def fields_in(text: bytes) -> Mapping[str, str]:
    """Return the fields that hold no others."""
    return {name.decode(): _text(value) for name, value in _FIELD.findall(text)}


def present(values: Mapping[str, str], name: str) -> str:
    """Return a value; StoreUnavailable if it is not there, or empty."""
    value = values.get(name)
    if not value:
        raise StoreUnavailable(f"an answer without {name} is not S3's")
    return value


def _text(value: bytes) -> str:
    return _ENTITY.sub(lambda found: present(_ENTITIES, found[1]), value.decode(errors="replace"))
