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


class Record(msgspec.Struct, rename="camel"):
    """What an event says of one file."""

    s3: _S3
    event_name: str = _CREATED
    user_identity: _Identity = _Identity()


class _Message(msgspec.Struct, rename={"records": "Records", "event": "Event"}):
    """An S3 event, or the test event that S3 sends when notifications are set up."""

    records: list[Record] | None = None
    event: str | None = None


class WrongBucket(Exception):
    """An event names another bucket than the inbox, or a name and an ARN that disagree."""


def records_in(body: str) -> list[Record]:
    """Return the records of a message's S3 event; none for S3's test event.

    Raises:
        msgspec.DecodeError: the message is not an S3 event.
    """
    message = msgspec.json.decode(body, type=_Message)
    if message.records is None and message.event != "s3:TestEvent":
        raise msgspec.ValidationError("neither Records nor a test event")
    return message.records or []


def upload_of(event: Record, bucket: str) -> UploadedFile | None:
    """Return the upload to `bucket` that a record announces; None if it does not announce a new file.

    Raises:
        WrongBucket: the record is about another bucket. Nothing in it may be read or written.
        UnicodeDecodeError: the key is not UTF-8. A key that was decoded with loss would name another file.
    """
    named, file = event.s3.bucket, event.s3.object
    if named.name != bucket or (named.arn and not named.arn.endswith(f":s3:::{bucket}")):
        raise WrongBucket
    if not event.event_name.startswith(_CREATED):
        return None
    # Keys in events are URL-encoded, with + for a space.
    key = unquote_plus(file.key, errors="strict")
    return UploadedFile(key, file.e_tag, file.sequencer, file.size, event.user_identity.principal_id)
