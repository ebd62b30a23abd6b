"""The batches that docs/s3vectors.md says fit into a request do, as boto3 writes them, with the event around them."""

import gzip
import json
import re
from functools import cache

import numpy as np
import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.serialize import create_serializer

from tests.support.pages import text_of
from vectord.edge.encoding import MAX_DECODED

LIMIT = 6_291_456  # bytes of an event
AROUND = 16_384  # bytes of headers, claims and context
MOST = 500  # vectors of PutVectors
SAMPLE = 40
TABLE = re.findall(r"^\| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$", text_of("docs/s3vectors.md"), re.MULTILINE)
ROWS = [tuple(int(cell.replace(",", "")) for cell in row) for row in TABLE]


@cache
def body(dimension: int) -> bytes:
    """Return the body of PutVectors with SAMPLE unit vectors of float32, a key and two metadata fields each."""
    drawn = np.random.default_rng(dimension).standard_normal((SAMPLE, dimension))
    floats = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32).tolist()
    vectors = [
        {
            "key": f"document-{row:06}",
            "data": {"float32": floats[row]},
            "metadata": {"source": "a file.pdf", "page": row},
        }
        for row in range(SAMPLE)
    ]
    model = ServiceModel(Loader().load_service_model("s3vectors", "service-2"))
    serializer = create_serializer("rest-json", include_validation=False)
    parameters = {"vectorBucketName": "films", "indexName": "plots", "vectors": vectors}
    sent: bytes = serializer.serialize_to_request(parameters, model.operation_model("PutVectors"))["body"]
    return sent


def fits(stated: int, bytes_each: float, limit: float) -> None:
    """Check that the stated batch fits, and that a much larger one does not or may not be sent."""
    assert stated * bytes_each <= limit
    assert stated == MOST or stated * 1.1 * bytes_each > limit


@pytest.mark.parametrize(("dimension", "plain", "packed"), ROWS, ids=[str(row[0]) for row in ROWS])
@pytest.mark.slow
def test_as_many_vectors_fit_as_the_page_says_and_not_a_tenth_more(dimension: int, plain: int, packed: int) -> None:
    data = body(dimension)
    fits(plain, len(json.dumps(data.decode())) / SAMPLE, LIMIT - AROUND)
    base64 = len(gzip.compress(data)) / SAMPLE * 4 / 3
    fits(packed, base64, LIMIT - AROUND)
    assert packed * len(data) / SAMPLE <= MAX_DECODED


def test_a_component_has_as_many_bytes_as_the_page_says() -> None:
    [(plain, packed)] = re.findall(r"as about (\d+) bytes of\s+JSON, ([\d.]+) with gzip", text_of("docs/s3vectors.md"))
    each = SAMPLE * 1_536
    assert len(body(1_536)) / each == pytest.approx(float(plain), abs=0.5)
    assert len(gzip.compress(body(1_536))) / each == pytest.approx(float(packed), abs=0.1)
