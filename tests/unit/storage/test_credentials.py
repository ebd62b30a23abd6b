"""Where the environment has no credentials, botocore's chain gives them."""

import sys
from pathlib import Path

import pytest

from vectord.errors import StoreRefused
from vectord.storage import credentials
from vectord.storage.credentials import Credentials


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    return tmp_path


def test_credentials_come_from_a_profile(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "credentials").write_text(
        "[mine]\naws_access_key_id = access\naws_secret_access_key = secret\naws_session_token = token\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "mine")
    assert credentials.chain()() == Credentials("access", "secret", "token")


@pytest.mark.parametrize("profile", [None, "not-there"])
def test_no_credentials_are_refused(home: Path, monkeypatch: pytest.MonkeyPatch, profile: str | None) -> None:
    if profile:
        monkeypatch.setenv("AWS_PROFILE", profile)
    with pytest.raises(StoreRefused):
        credentials.chain()()


# Gives credentials that are over in 5 minutes first, and in an hour after.
PROCESS = """
import json, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

asked = Path(sys.argv[1])
asked.write_text(asked.read_text() + "x" if asked.exists() else "x")
number = len(asked.read_text())
until = datetime.now(UTC) + timedelta(minutes=5 if number == 1 else 60)
given = {"AccessKeyId": f"access{number}", "SecretAccessKey": "secret", "SessionToken": "token"}
print(json.dumps({"Version": 1, "Expiration": until.isoformat(), **given}))
"""


def test_credentials_that_are_nearly_over_are_renewed_and_others_kept(home: Path) -> None:
    (home / "give.py").write_text(PROCESS)
    command = f"{sys.executable} {home / 'give.py'} {home / 'asked'}"
    (home / "config").write_text(f"[default]\ncredential_process = {command}\n")
    current = credentials.chain()
    assert [current().access_key for _ in range(3)] == ["access2"] * 3


def test_the_region_comes_from_the_profile(home: Path) -> None:
    (home / "config").write_text("[default]\nregion = eu-north-1\n")
    assert credentials.profile_region() == "eu-north-1"


def test_without_any_the_region_is_the_oldest(home: Path) -> None:
    assert credentials.profile_region() == "us-east-1"
