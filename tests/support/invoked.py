"""Invoked functions in this process: messages reach another service over the same store."""

import json

from tests.support.shards import HookedStore, a_service
from vectord.edge import handler
from vectord.edge.events import fan_out as edge


class Functions:
    """Invoked functions: another service whose messages are encoded as JSON."""

    def __init__(self, store: HookedStore) -> None:
        self.service = a_service(store)
        self.handler = handler.handler({}, lambda: self.service, lambda: None, edge.handler(lambda: self.service))
        self.messages: list[bytes] = []
        self.script: list[Exception] = []

    def invoke(self, payload: bytes, seconds: float) -> bytes:
        self.messages.append(payload)
        if self.script:
            raise self.script.pop(0)
        return json.dumps(self.handler(json.loads(payload))).encode()
