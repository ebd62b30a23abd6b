"""Uploaded files that cannot be ingested do not keep the others waiting."""

import io
import json
from pathlib import Path

from vectord.service.ingestion.ingestion import Ingestion
from vectord_client.embedded.inbox import FolderInbox
from vectord_client.embedded.uploads import Uploads


def test_a_file_that_fails_unexpectedly_gets_a_report_and_the_next_one_is_worked_on(tmp_path: Path) -> None:
    def compose() -> Ingestion:
        raise RuntimeError("a library is damaged")

    uploads = Uploads(FolderInbox(tmp_path, lambda *_: ""), compose)
    for token in ("1", "2"):
        uploads.receive(f"uploads/films/{token}/a.jsonl", io.BytesIO(b"{}"))
    assert uploads.wait(10)
    for token in ("1", "2"):
        report = json.loads(uploads.report(f"uploads/films/{token}/a.jsonl") or b"")
        assert "could not be ingested: RuntimeError: a library is damaged" in report["reason"]
        assert (tmp_path / "uploads" / "films" / token / "a.jsonl").exists()
