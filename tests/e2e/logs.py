"""The log lines of the functions of a deployed stack."""

import json
from typing import Any

from tools.stack.stack import Stack, session


def lines_of(stack: Stack, function: str) -> list[dict[str, Any]]:
    """Return the JSON lines that a function has logged so far."""
    logs = session().client("logs", endpoint_url=stack.endpoint)
    group = stack.log_group(function)
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
    messages = [event["message"] for page in pages for event in page["events"]]
    return [json.loads(message) for message in messages if message.startswith("{")]
