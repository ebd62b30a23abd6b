"""A stand-in for the embedding models of Amazon Bedrock, which MiniStack lacks: equal texts get equal vectors."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

DIMENSION = 1_536  # of amazon.titan-embed-text-v1


def embedding(text: str) -> list[float]:
    """Count the words of a text, each at a place that its hash selects."""
    counts = [0.0] * DIMENSION
    for word in text.split():
        counts[int.from_bytes(hashlib.sha256(word.encode()).digest()[:4]) % DIMENSION] += 1.0
    return counts


class _InvokeModel(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["inputText"]
        body = json.dumps({"embedding": embedding(text), "inputTextTokenCount": len(text.split())}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def bedrock() -> Iterator[str]:
    """Serve inside the block and yield the URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _InvokeModel) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
