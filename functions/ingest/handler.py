"""SQS messages with S3 events: ingest each uploaded file into its index."""

from vectord.edge.events import sqs
from vectord.runtime import ingest

lambda_handler = sqs.handler(ingest.ingestion)
