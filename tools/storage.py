"""A stand-in for S3 alone: MiniStack with one bucket for indexes and one for uploads."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from tools import console
from tools.ministack import HOST, free_port, ministack
from tools.scratch import forget_account

if TYPE_CHECKING:  # the stubs are not there at run time
    from mypy_boto3_s3 import S3Client

BUCKET, INBOX, PREFIX = "vectord-indexes", "vectord-inbox", "_vectors"

# What the template would compute, for the functions that declare it.
VARIABLES = {
    "VECTORD_STORE": f"s3://{BUCKET}/{PREFIX}",
    "VECTORD_INBOX": INBOX,
    "VECTORD_TMP_MB": "1024",
    "VECTORD_COMPACT": "CompactFunction",  # of which there is none to ask; no index here grows so large
    "VECTORD_FANOUT": "",  # each function does all shards itself
}


@dataclass(frozen=True)
class Storage:
    """S3 at an endpoint."""

    endpoint: str
    client: "S3Client"

    @property
    def environment(self) -> dict[str, str]:
        """Give the variables that lead an AWS client here."""
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
        return {"AWS_ENDPOINT_URL": self.endpoint, **keys}

    def blob(self, index: str) -> tuple[bytes, str]:
        """Read an index's object past the functions: its bytes and its ETag."""
        found = self.client.get_object(Bucket=BUCKET, Key=f"{PREFIX}/{index}.lhv1")
        return found["Body"].read(), found["ETag"]

    def indexes(self) -> list[str]:
        """List the keys of all index objects."""
        listed = self.client.list_objects_v2(Bucket=BUCKET)
        return [item["Key"] for item in listed.get("Contents", [])]


@contextmanager
def storage(folder: Path, host: str = HOST) -> Iterator[Storage]:
    """Start a stand-in for S3 on an address of this machine; it ends, with all that it holds, with the block."""
    forget_account()
    home, port = folder / "storage", free_port()
    home.mkdir()
    endpoint = f"http://{host}:{port}"
    with ExitStack() as running:
        with console.step("storage", f"MiniStack's S3, on {endpoint}"):
            running.enter_context(ministack(home, port, host))
        session = boto3.session.Session("test", "test", region_name="us-east-1")
        client = session.client("s3", endpoint_url=endpoint)
        for bucket in (BUCKET, INBOX):
            client.create_bucket(Bucket=bucket)
        yield Storage(endpoint, client)
