"""`vectord s3vectors install`: two files for botocore."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.cli.support import Vectord

SOURCE = Path(__file__).parents[4] / "assets/botocore/s3vectors/2025-07-15"
FOLDER = ".aws/models/s3vectors/2025-07-15"
NAMES = ["endpoint-rule-set-1.sdk-extras.json", "service-2.sdk-extras.json"]


def actions(vectord: Vectord, *options: str, code: int = 0) -> list[str]:
    done = vectord("s3vectors", "install", *options, code=code)
    return [json.loads(line)["action"] for line in done.stdout.splitlines()]


def test_copies_both_files_as_they_are(vectord: Vectord) -> None:
    assert actions(vectord) == ["written", "written"]
    for name in NAMES:
        assert (vectord.home / FOLDER / name).read_bytes() == (SOURCE / name).read_bytes()
    assert sorted(path.name for path in (vectord.home / FOLDER).iterdir()) == NAMES


def test_repeating_it_changes_nothing(vectord: Vectord) -> None:
    actions(vectord)
    before = {path: path.stat().st_mtime_ns for path in (vectord.home / FOLDER).iterdir()}
    assert actions(vectord) == ["unchanged", "unchanged"]
    assert {path: path.stat().st_mtime_ns for path in (vectord.home / FOLDER).iterdir()} == before


def test_botocore_signs_for_api_gateway_afterwards(vectord: Vectord) -> None:
    code = "import botocore.session as s; print(s.Session().get_service_model('s3vectors').signing_name)"
    env = {**os.environ, "HOME": str(vectord.home)}
    assert subprocess.check_output([sys.executable, "-c", code], env=env, text=True).strip() == "s3vectors"
    actions(vectord)
    assert subprocess.check_output([sys.executable, "-c", code], env=env, text=True).strip() == "execute-api"


def test_check_says_what_is_missing_and_changes_nothing(vectord: Vectord) -> None:
    assert actions(vectord, "--check", code=1) == ["missing", "missing"]
    assert not (vectord.home / ".aws").exists()
    actions(vectord)
    assert actions(vectord, "--check") == ["installed", "installed"]
    (vectord.home / FOLDER / NAMES[0]).unlink()
    assert actions(vectord, "--check", code=1) == ["missing", "installed"]


def test_a_file_of_other_content_is_replaced_only_with_yes(vectord: Vectord) -> None:
    actions(vectord)
    changed = vectord.home / FOLDER / NAMES[1]
    changed.write_text("{}")
    assert actions(vectord, code=2) == []
    assert changed.read_text() == "{}"
    assert actions(vectord, "--yes") == ["unchanged", "replaced"]


def test_uninstall_removes_both_files_and_the_folders_it_made(vectord: Vectord) -> None:
    actions(vectord)
    other = vectord.home / ".aws/models/other.json"
    other.write_text("{}")
    assert actions(vectord, "--uninstall", code=2) == []
    assert actions(vectord, "--uninstall", "--yes") == ["removed", "removed"]
    assert [path.name for path in (vectord.home / ".aws/models").iterdir()] == ["other.json"]
    assert actions(vectord, "--uninstall") == ["absent", "absent"]


def test_a_folder_that_cannot_be_made_is_an_error(vectord: Vectord) -> None:
    (vectord.home / ".aws").write_text("")
    done = vectord("s3vectors", "install", code=1)
    assert "Not a directory" in done.stderr
