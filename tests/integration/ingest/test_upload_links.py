"""Links by which a caller without credentials of AWS uploads a file."""

from typing import Any

import pytest

from tests.support.api import Api
from tests.support.backends import CONFUSING, CREDENTIALS
from tests.support.inbox import Inbox


def test_an_upload_link_works_without_aws_credentials(api: Api, inbox: Inbox) -> None:
    link = api.send("POST", "/indexes/t/uploads", {"file": "x y.jsonl"}).json
    assert (link["method"], link["key"], link["expires"]) == ("PUT", "uploads/t/x y.jsonl", 900)
    assert "X-Amz-Signature" in link["url"]


def test_an_upload_link_names_the_region_of_its_bucket(ephemeral: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    # A new bucket answers the name without a region by a redirect, which a signed PUT does not survive.
    for name in CONFUSING:
        monkeypatch.delenv(name, raising=False)
    for name, value in {**CREDENTIALS, "AWS_DEFAULT_REGION": "eu-west-1", "VECTORD_INBOX": "inbox"}.items():
        monkeypatch.setenv(name, value)
    ephemeral.create("t", 2)
    link = ephemeral.send("POST", "/indexes/t/uploads", {"file": "x.jsonl"}).json["url"]
    assert link.startswith("https://inbox.s3.eu-west-1.amazonaws.com/uploads/t/x.jsonl?")


@pytest.mark.parametrize(
    ("index", "file", "status"),
    [
        ("absent", "x.jsonl", 404),
        ("t", "x.csv", 422),
        ("t", "../x.jsonl", 422),
        ("t", ".x.jsonl", 422),
        ("t", "_temporary/x.jsonl", 422),
        ("t", 7, 422),
    ],
)
def test_an_upload_link_for_an_invalid_target_is_refused(
    api: Api, inbox: Inbox, index: str, file: Any, status: int
) -> None:
    assert api.send("POST", f"/indexes/{index}/uploads", {"file": file}).status == status
