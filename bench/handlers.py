"""The real Lambda handlers, loaded from their files as Lambda does, and events to invoke them with.

It imports nothing of the package, because the imports of a measured process are part of its measurement.
"""

import base64
import contextlib
import importlib.util
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

CODE = "BENCH_CODE"  # the folder of another checkout whose functions are measured
_FUNCTIONS = Path(os.environ.get(CODE) or Path(__file__).resolve().parents[1]) / "functions"

type Event = dict[str, Any]
type Handler = Callable[[Event, Any], dict[str, Any]]


def load_handler(function: str) -> Handler:
    """Import the module of a function from its file and return its handler."""
    spec = importlib.util.spec_from_file_location("handler", _FUNCTIONS / function / "handler.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"functions/{function}/handler.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Handler = module.lambda_handler
    return handler


def event(action: str, index: str, body: dict[str, Any]) -> Event:
    """Return the event of `POST /indexes/{index}/{action}`, with those fields of payload format 2.0 that are large."""
    path = f"/indexes/{index}/{action}"
    return {
        "version": "2.0",
        "routeKey": f"POST /indexes/{{name}}/{action}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "api.example.com", "user-agent": "bench"},
        "requestContext": {"http": {"method": "POST", "path": path}, "requestId": "bench", "stage": "$default"},
        "pathParameters": {"name": index},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


def encode(vector: "npt.NDArray[np.float32] | bytes") -> str:
    """Return a vector, or its components as little-endian float32, as base64."""
    return base64.b64encode(vector if isinstance(vector, bytes) else vector.astype("<f4").tobytes()).decode()


@contextlib.contextmanager
def without_log() -> Iterator[None]:
    """Discard what handlers write to stdout: a log line for each request."""
    with Path(os.devnull).open("w") as discarded, contextlib.redirect_stdout(discarded):
        yield
