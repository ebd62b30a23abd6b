"""SQS messages with S3 events: bring each uploaded file into its index."""

from vectord import runtime_inbox
from vectord.edge import sqs

lambda_handler = sqs.handler(runtime_inbox.ingestion)
