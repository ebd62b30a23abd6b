"""S3 and SQS without the rest of the stack: MiniStack with buckets for indexes and uploads, and a queue of changes."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from tools.command import console
from tools.command.run import forget_account
from tools.stack.ministack import HOST, free_port, ministack

if TYPE_CHECKING:  # the stubs are not installed at run time
    from mypy_boto3_s3 import S3Client

BUCKET, INBOX, PREFIX, QUEUE = "vectord-indexes", "vectord-inbox", "_vectors", "vectord-changes"

# The values that a deployment would give to the functions that declare these variables.
VARIABLES = {
    "VECTORD_STORE": f"s3://{BUCKET}/{PREFIX}",
    "VECTORD_INBOX": INBOX,
    "VECTORD_TMP_MB": "1024",
    "VECTORD_COMPACT": "CompactFunction",  # is never called: the indexes stay small
    "VECTORD_CHANGES": f"http://{HOST}/000000000000/{QUEUE}",  # requests go to the endpoint of the environment
    "VECTORD_VERSION_DAYS": "3",
    "VECTORD_FANOUT": "",  # each function searches all shards itself
    "VECTORD_MAX_SHARDS": "100",
    "VECTORD_ARN_PREFIX": "arn:aws:s3vectors:us-east-1:000000000000",
    "VECTORD_ACCESS_CLAIM": "",  # a caller may do everything, because these events have no token
}


@dataclass(frozen=True)
class Storage:
    """The emulated S3: its endpoint and a client of it."""

    endpoint: str
    client: "S3Client"
    queues: Any  # a client of the emulated SQS

    @property
    def environment(self) -> dict[str, str]:
        """Return environment variables that direct an AWS client to it."""
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
        return {"AWS_ENDPOINT_URL": self.endpoint, **keys}

    def take_message(self) -> str:
        """Take the next message out of the queue of changes, and return its body."""
        [message] = self.queues.receive_message(QueueUrl=VARIABLES["VECTORD_CHANGES"], WaitTimeSeconds=5)["Messages"]
        self.queues.delete_message(QueueUrl=VARIABLES["VECTORD_CHANGES"], ReceiptHandle=message["ReceiptHandle"])
        body: str = message["Body"]
        return body

    def blob(self, index: str) -> tuple[bytes, str]:
        """Return the bytes and the ETag of an index's object."""
        found = self.client.get_object(Bucket=BUCKET, Key=f"{PREFIX}/{index}.lhv1")
        return found["Body"].read(), found["ETag"]

    def indexes(self) -> list[str]:
        """Return the keys of all index objects."""
        listed = self.client.list_objects_v2(Bucket=BUCKET)
        return [item["Key"] for item in listed.get("Contents", []) if item["Key"].endswith(".lhv1")]


@contextmanager
def storage(folder: Path, host: str = HOST) -> Iterator[Storage]:
    """Run an empty S3 on an address of this machine until the block is left."""
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
        queues = session.client("sqs", endpoint_url=endpoint)
        queues.create_queue(QueueName=QUEUE)
        yield Storage(endpoint, client, queues)
