"""One bucket: where it is, which credentials to use, and how long to wait for it."""

import re
from typing import Final, Literal

import msgspec

from vectord.storage.boto import Timeouts
from vectord.storage.credentials import ContainerEndpoint, Credentials

MAX_PARALLEL: Final = 32  # requests; a cold search reads some 40 ranges in parallel, each about 25 ms long

# A bucket name with dots does not match S3's certificate, and one from before 2018 may not be a valid host name.
_HOST_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


class Bucket(msgspec.Struct, frozen=True):
    """A bucket in AWS, or at `endpoint`: the URL of an S3 emulator or of another endpoint of S3.

    Without `credentials` reads get them from the endpoint `container`; without that, and for writes, botocore's chain
    finds them, for example in a profile. `ca_bundle` is a file of certificates to trust. `fips` chooses the FIPS
    endpoints of AWS.
    """

    name: str
    region: str
    endpoint: str | None = None
    credentials: Credentials | None = None
    timeouts: Timeouts = Timeouts()
    ca_bundle: str | None = None
    fips: bool = False
    container: ContainerEndpoint | None = None

    @property
    def addressing(self) -> Literal["path", "virtual"]:
        """How a request names the bucket: in its path, or in the host name."""
        return "path" if self.endpoint or not _HOST_NAME.fullmatch(self.name) else "virtual"

    @property
    def base_url(self) -> str:
        """The URL that keys are appended to; with path addressing, after the name of the bucket."""
        if self.endpoint:
            return self.endpoint
        service = "s3-fips" if self.fips else "s3"
        host = f"{service}.{self.region}.{'amazonaws.com.cn' if self.region.startswith('cn-') else 'amazonaws.com'}"
        return f"https://{host}" if self.addressing == "path" else f"https://{self.name}.{host}"
