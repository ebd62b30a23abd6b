"""The example of docs/s3vectors.md runs, and prints what is expected."""

import re
from typing import Any

import pytest

from tests.support import s3vectors
from tests.support.api import Api
from tests.support.pages import text_of


def test_the_examples_of_creation_and_of_queries_run(
    ephemeral: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("boto3.client", lambda name, endpoint_url: s3vectors.client(ephemeral))
    names: dict[str, Any] = {}
    create, query = re.findall(r"```python\n((?:import boto3|films =).*?)```", text_of("docs/s3vectors.md"), re.DOTALL)
    exec(create, names)
    exec(query, names)
    assert capsys.readouterr().out.splitlines()[-1] == "['alien']"
