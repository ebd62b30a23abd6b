"""An index is exported in a response or behind a link, and the file can be uploaded to an equal index."""

import base64
import json
import urllib.request
from typing import Any

import numpy as np
import pytest

from tests.e2e import files
from tests.e2e.inbox import Inbox
from tests.e2e.roles import as_role_of, outcome
from tools.stack.client import Client
from tools.stack.stack import Stack
from vectord.errors import BadItem
from vectord.index.codec import decode
from vectord.readers.files import entries_of_file

FORMATS = ["lhv1", "jsonl", "jsonl.gz", "parquet"]
ROWS = {
    name: (row.tobytes(), metadata)
    for name, row, metadata in zip(files.IDS, files.VECTORS, files.METADATA, strict=True)
}
WIDE, MANY = 1_024, 1_300  # more than an answer may have


def rows_in(data: bytes, kind: str) -> dict[str, tuple[bytes, Any]]:
    if kind == "lhv1":
        rows = decode.open_blob(data).rows
        found = list(zip(rows.ids, rows.vectors, (rows.metadata.get(one) for one in rows.ids), strict=True))
    else:
        entries = entries_of_file(f"x.{kind}", data, 1 << 26)
        found = [(one.id, one.vector, one.metadata) for one in entries if not isinstance(one, BadItem)]
    return {
        name: (np.asarray(vector, np.float32).tobytes(), text and json.loads(bytes(text)))
        for name, vector, text in found
    }


def fetched(url: str) -> tuple[bytes, dict[str, str]]:
    with urllib.request.urlopen(url) as response:
        return response.read(), {name.lower(): value for name, value in response.headers.items()}


@pytest.fixture(scope="module")
def filled(stack: Stack, inbox: Inbox) -> str:
    """The name of an index with the rows of a file."""
    with urllib.request.urlopen(
        urllib.request.Request(f"{stack.url}/indexes", b'{"name": "leaving", "dimension": 3}', method="POST")
    ):
        pass
    inbox.put("uploads/leaving/rows.jsonl", files.jsonl())
    assert inbox.outcomes("leaving", 1) == ["committed"]
    return "leaving"


@pytest.mark.parametrize("kind", FORMATS)
def test_a_small_export_is_the_response(stack: Stack, filled: str, kind: str) -> None:
    data, headers = fetched(f"{stack.url}/indexes/{filled}/export?format={kind}")
    assert rows_in(data, kind) == ROWS
    assert headers["content-disposition"] == f'attachment; filename="{filled}.{kind}"'


@pytest.mark.parametrize("kind", FORMATS)
def test_a_link_can_be_downloaded_without_credentials(api: Client, filled: str, kind: str) -> None:
    answer = api.call("GET", f"/indexes/{filled}/export?format={kind}&link=true").body
    data, headers = fetched(answer["url"])
    assert (rows_in(data, kind), len(data)) == (ROWS, answer["bytes"])
    assert headers["content-disposition"] == f'attachment; filename="{filled}.{kind}"'


@pytest.mark.parametrize("kind", FORMATS[1:])
def test_an_exported_file_can_be_uploaded_to_an_equal_index(
    stack: Stack, api: Client, filled: str, inbox: Inbox, kind: str
) -> None:
    name = f"back-{kind.replace('.', '-')}"
    api.call("POST", "/indexes", {"name": name, "dimension": 3}, expect=201)
    data, _ = fetched(f"{stack.url}/indexes/{filled}/export?format={kind}")
    inbox.put(f"uploads/{name}/rows.{kind}", data)
    assert inbox.outcomes(name, 1) == ["committed"]
    of_both = [fetched(f"{stack.url}/indexes/{one}/export?format=jsonl")[0] for one in (filled, name)]
    assert of_both[0] == of_both[1]


def test_an_export_too_large_for_a_response_is_staged_in_parts(stack: Stack, api: Client) -> None:
    api.call("POST", "/indexes", {"name": "large", "dimension": WIDE}, expect=201)
    drawn = np.random.default_rng(1).normal(size=(MANY, WIDE)).astype(np.float32)
    packed = [base64.b64encode(row.tobytes()).decode() for row in drawn]
    for start in range(0, MANY, 650):
        items = [{"id": str(row), "vector": packed[row]} for row in range(start, start + 650)]
        api.call("POST", "/indexes/large/vectors", {"vectors": items})
    answer = api.call("GET", "/indexes/large/export?format=jsonl").body
    data, _ = fetched(answer["url"])
    assert len(data) == answer["bytes"] > 8 << 20
    assert rows_in(data, "jsonl") == {str(row): (vector.tobytes(), None) for row, vector in enumerate(drawn)}


def test_exports_write_only_staged_objects(stack: Stack) -> None:
    s3 = as_role_of(stack, "ExportFunction")
    assert outcome(s3.put_object, Bucket=stack.bucket, Key="_vectors/.staging/x", Body=b"x") == "done"
    assert outcome(s3.put_object, Bucket=stack.bucket, Key="_vectors/leaving.lhv1", Body=b"x") == "AccessDenied"
    assert outcome(s3.delete_object, Bucket=stack.bucket, Key="_vectors/leaving.lhv1") == "AccessDenied"
