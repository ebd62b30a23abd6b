"""Where a bucket is reached: by its own host name, or by path where that cannot be."""

import re
from typing import Final
from urllib.parse import quote, urlsplit

import msgspec

# A name with dots would not match S3's certificate, one of before 2018 may be no host name at all.
_HOST_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_PORTS: Final = {"http": 80, "https": 443}


class Address(msgspec.Struct, frozen=True):
    """A bucket's URL in parts: `base` is the scheme and host, `folder` the path that its keys come after."""

    base: str
    folder: str

    @property
    def host(self) -> str:
        """The Host header: the port is in it only where it is not the scheme's own."""
        url = urlsplit(self.base)
        return url.netloc.removesuffix(f":{_PORTS.get(url.scheme)}")

    def path(self, key: str) -> str:
        """Return the percent-encoded path of a key, as a signature takes it."""
        return quote(f"{self.folder}/{key}", safe="/-_.~")


def address(bucket: str, region: str, endpoint: str | None = None) -> Address:
    """Return the address of a bucket in AWS, or by path at `endpoint`, a URL that stands in for S3."""
    if endpoint:
        url = urlsplit(endpoint)
        return Address(f"{url.scheme}://{url.netloc}", f"{url.path.rstrip('/')}/{bucket}")
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    if _HOST_NAME.fullmatch(bucket):
        return Address(f"https://{bucket}.s3.{region}.{suffix}", "")
    return Address(f"https://s3.{region}.{suffix}", f"/{bucket}")
