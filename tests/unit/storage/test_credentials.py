"""Where the environment has no credentials, botocore's chain gives them."""

import sys
from pathlib import Path

import pytest

from tests.support.backends import s3_store
from tests.support.http_server import scripted_server
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
    assert credentials.credentials_chain()() == Credentials("access", "secret", "token")


@pytest.mark.parametrize("profile", [None, "not-there"])
def test_no_credentials_are_refused(home: Path, monkeypatch: pytest.MonkeyPatch, profile: str | None) -> None:
    if profile:
        monkeypatch.setenv("AWS_PROFILE", profile)
    with pytest.raises(StoreRefused):
        credentials.credentials_chain()()


# The first credentials expire in 5 minutes, the later ones in as many minutes as the second argument says.
PROCESS = """
import json, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

calls = Path(sys.argv[1])
calls.write_text(calls.read_text() + "x" if calls.exists() else "x")
number = len(calls.read_text())
until = datetime.now(UTC) + timedelta(minutes=5 if number == 1 else int(sys.argv[2]))
given = {"AccessKeyId": f"access{number}", "SecretAccessKey": "secret", "SessionToken": "token"}
print(json.dumps({"Version": 1, "Expiration": until.isoformat(), **given}))
"""


def use_process(home: Path, minutes: int) -> None:
    (home / "give.py").write_text(PROCESS)
    command = f"{sys.executable} {home / 'give.py'} {home / 'calls'} {minutes}"
    (home / "config").write_text(f"[default]\ncredential_process = {command}\n")


def test_credentials_that_expire_soon_are_renewed_and_others_are_kept(home: Path) -> None:
    use_process(home, 60)
    current = credentials.credentials_chain()
    assert [current().access_key for _ in range(3)] == ["access2"] * 3


def test_each_read_is_signed_with_the_current_credentials(home: Path) -> None:
    use_process(home, 5)  # so that every call renews them
    with scripted_server() as server:
        store = s3_store(server.endpoint, "bucket", "_vectors", credentials=None)
        store.get("t")
        store.get("t")
        signers = [headers["Authorization"].partition("Credential=")[2].split("/")[0] for headers in server.headers]
    assert len(set(signers)) == 2


def test_the_region_comes_from_the_profile(home: Path) -> None:
    (home / "config").write_text("[default]\nregion = eu-north-1\n")
    assert credentials.profile_region() == "eu-north-1"


def test_without_any_the_region_is_the_oldest(home: Path) -> None:
    assert credentials.profile_region() == "us-east-1"
