"""The bodies that docs/limits.md says fit into 6 MB do, with the event around them."""

import base64
import json
import random
import re
import struct
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.pages import text_of

LIMIT = 6_291_456  # bytes of an event
AROUND = 16_384  # bytes of headers, claims and context
RANDOM = random.Random(1)
FIELDS = {f"key{field}": f"value{field}" for field in range(10)}
SHORT_FIELDS = {f"k{field}": f"v{field}" for field in range(10)}


def packed(dimension: int) -> str:
    return base64.b64encode(struct.pack(f"<{dimension}f", *(RANDOM.random() for _ in range(dimension)))).decode()


def numbers(dimension: int) -> list[float]:
    return [round(RANDOM.uniform(-1, 1), 7) for _ in range(dimension)]


CASES: dict[str, Callable[[int], dict[str, Any]]] = {
    "vectors as arrays of numbers": lambda row: {"id": f"row-{row}", "vector": numbers(384)},
    "vectors as base64": lambda row: {"id": f"row-{row}", "vector": packed(384)},
    "the same with 10 short": lambda row: {"id": f"row-{row}", "vector": packed(384), "metadata": SHORT_FIELDS},
    "mostly metadata": lambda row: {"id": f"row-{row}", "vector": [1, 2, 3], "metadata": FIELDS},
}


@pytest.mark.parametrize("case", CASES)
def test_as_many_vectors_fit_as_the_page_says_and_not_a_tenth_more(case: str) -> None:
    [(stated_mb, stated_rows)] = re.findall(
        rf"^\| {case}.*\| \**([\d.]+) MB\**, ([\d,]+) vectors \|$", text_of("docs/limits.md"), re.MULTILINE
    )
    rows = int(stated_rows.replace(",", ""))
    sample = json.dumps({"vectors": [CASES[case](10_000 + row) for row in range(200)]}, separators=(",", ":"))
    body, event = len(sample) / 200 * rows, len(json.dumps(sample)) / 200 * rows + AROUND
    assert event <= LIMIT < event * 1.1
    assert body == pytest.approx(float(stated_mb) * 1e6, rel=0.03)
