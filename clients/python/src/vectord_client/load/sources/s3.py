"""An object of S3 as a file: ranged reads, each of the same version."""

import io
from pathlib import Path
from typing import IO, Any, Final, cast

from vectord_client.errors import ArgumentInvalid, MissingExtra
from vectord_client.load.errors import SourceChanged, SourceMissing, SourceUnreadable

_BUFFER: Final = 8 << 20  # bytes of one ranged read, at least
_ATTEMPTS: Final = 4


class S3File:
    """An object, with the credentials and the region of botocore's own chain."""

    def __init__(self, url: str) -> None:
        """Open an object.

        Raises:
            MissingExtra: botocore is not installed.
            ArgumentInvalid: the URL has no bucket or no key.
            SourceMissing: the object does not exist, or it cannot be read.
        """
        bucket, _, key = url.removeprefix("s3://").partition("/")
        if not bucket or not key:
            raise ArgumentInvalid(f"{url!r} is not s3://bucket/key.")
        client, failed = _client()
        try:
            head = client.head_object(Bucket=bucket, Key=key)
        except failed as error:
            raise SourceMissing(f"{url} cannot be read: {error}") from error
        self.name, self.identity = key.rpartition("/")[2], url
        self.path: Path | None = None
        self.size: int = head["ContentLength"]
        self.fingerprint = f"{self.size:,} bytes, ETag {head['ETag']}"
        raw = _Ranges(client, failed, bucket, key, head["ETag"], self.size)
        self.file = cast("IO[bytes]", io.BufferedReader(raw, _BUFFER))

    def check(self) -> None:
        """Do nothing: each read has the condition that the object is the same."""

    def close(self) -> None:
        self.file.close()


class _Ranges(io.RawIOBase):
    """The bytes of one version of an object."""

    def __init__(  # noqa: PLR0917 - one object
        self, client: Any, failed: tuple[type[Exception], ...], bucket: str, key: str, etag: str, size: int
    ) -> None:
        super().__init__()
        self._client, self._failed, self._bucket, self._key = client, failed, bucket, key
        self._etag, self._size, self._place = etag, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._size - self._place)
        if wanted <= 0:
            return 0
        data = self._get(self._place, wanted)
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def _get(self, start: int, length: int) -> bytes:
        for attempt in range(_ATTEMPTS):
            try:
                answer = self._client.get_object(
                    Bucket=self._bucket, Key=self._key, Range=f"bytes={start}-{start + length - 1}", IfMatch=self._etag
                )
                data: bytes = answer["Body"].read()
            except self._failed as error:
                status = getattr(error, "response", {}).get("ResponseMetadata", {}).get("HTTPStatusCode")
                if status in (404, 412):
                    raise SourceChanged(
                        f"s3://{self._bucket}/{self._key} was replaced or removed while it was loaded. The rows of the "
                        "batches before are in the index.",
                        advice="Load it again with resume=False.",
                    ) from error
                if attempt == _ATTEMPTS - 1 or (status is not None and status < 500):
                    raise SourceUnreadable(f"s3://{self._bucket}/{self._key} cannot be read: {error}") from error
                continue
            if len(data) == length:
                return data
        raise SourceUnreadable(f"s3://{self._bucket}/{self._key}: S3 sent fewer bytes than it was asked for.")


def _client() -> tuple[Any, tuple[type[Exception], ...]]:
    """Return a client of S3, and the errors that its calls raise."""
    try:
        import botocore.session  # noqa: PLC0415  an extra
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingExtra("Loading from S3 needs botocore: pip install 'vectord-client[iam]'.") from error
    failed = (BotoCoreError, ClientError)
    try:
        return botocore.session.get_session().create_client("s3"), failed
    except failed as error:
        raise ArgumentInvalid(f"S3 cannot be reached: {error}") from error
