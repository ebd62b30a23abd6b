"""S3's events of new files, in the bodies of SQS messages."""

from typing import Final
from urllib.parse import unquote_plus

import msgspec

from vectord.storage.inbox import UploadedFile

_CREATED: Final = "ObjectCreated:"  # the start of the names of events that announce a new file


class _Bucket(msgspec.Struct):
    name: str
    arn: str | None = None


class _Object(msgspec.Struct, rename="camel"):
    key: str
    e_tag: str = ""
    size: int = 0
    sequencer: str = ""


class _S3(msgspec.Struct):
    bucket: _Bucket
    object: _Object


class _Identity(msgspec.Struct, rename="camel", frozen=True):
    principal_id: str | None = None


class _Record(msgspec.Struct, rename="camel"):
    """What an event says of one file."""

    s3: _S3
    event_name: str = _CREATED
    user_identity: _Identity = _Identity()


class _Message(msgspec.Struct, rename={"records": "Records", "event": "Event"}):
    """An S3 event, or the test event that S3 sends when notifications are set up."""

    records: list[_Record] | None = None
    event: str | None = None


class WrongBucket(Exception):
    """An event names another bucket than the inbox, or a name and an ARN that disagree."""


def uploads_in(body: str, bucket: str) -> list[UploadedFile | WrongBucket | UnicodeDecodeError]:
    """Return the new files in `bucket` that a message announces; for a record that cannot be used, its error.

    The error is WrongBucket for a record about another bucket, of which nothing may be read or written, and
    UnicodeDecodeError for a key that is not UTF-8: decoded with loss, it would name another file.

    Raises:
        msgspec.DecodeError: the message is not an S3 event.
    """
    message = msgspec.json.decode(body, type=_Message)
    if message.records is None and message.event != "s3:TestEvent":
        raise msgspec.ValidationError("neither Records nor a test event")
    found = (_upload_of(record, bucket) for record in message.records or ())
    return [one for one in found if one is not None]


def _upload_of(event: _Record, bucket: str) -> UploadedFile | WrongBucket | UnicodeDecodeError | None:
    """Return what a record announces; None if that is not a new file."""
    named, file = event.s3.bucket, event.s3.object
    if named.name != bucket or (named.arn and not named.arn.endswith(f":s3:::{bucket}")):
        return WrongBucket()
    if not event.event_name.startswith(_CREATED):
        return None
    try:
        # Keys in events are URL-encoded, with + for a space.
        key = unquote_plus(file.key, errors="strict")
    except UnicodeDecodeError as error:
        return error
    return UploadedFile(key, file.e_tag, file.sequencer, file.size, event.user_identity.principal_id)
