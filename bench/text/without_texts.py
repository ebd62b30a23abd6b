"""Print which modules of texts a process has after it created, filled and searched an index without texts, as JSON."""

import json
import re
import sys
import time

import numpy as np

from bench import handlers
from vectord.readers.entry import NewVector
from vectord.runtime import api
from vectord.service.values.options import Deadline, NewIndex

_NAME, _ROWS, _DIMENSION = "plain", 100, 8
_OF_TEXTS = re.compile(r"(Stemmer|vectord\.(text|index\.(text|query\.text|sections\.text\w*)))(\..+)?")


def main() -> None:
    search, service, deadline = handlers.load_handler("search"), api.service(), Deadline(time.monotonic() + 60)
    vectors = np.random.default_rng(1).standard_normal((_ROWS, _DIMENSION), np.float32)
    service.create(NewIndex(_NAME, _DIMENSION), deadline)
    service.add(_NAME, [NewVector(str(row), vector) for row, vector in enumerate(vectors)], deadline)
    with handlers.without_log():
        answer = search(handlers.event("search", _NAME, {"vector": vectors[0].tolist(), "k": 3}), None)
    if answer["statusCode"] != 200:
        raise RuntimeError(f"the search failed: {answer['body']}")
    print(json.dumps(sorted(filter(_OF_TEXTS.fullmatch, sys.modules))))


if __name__ == "__main__":
    main()
