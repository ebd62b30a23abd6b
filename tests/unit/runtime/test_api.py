"""The composition root of the functions behind the HTTP API."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from vectord.runtime import api

_THREADS = 8


def test_threads_that_compose_the_service_at_once_get_the_same_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VECTORD_STORE", raising=False)
    barrier = Barrier(_THREADS)

    def composed(_: int) -> int:
        barrier.wait()
        return id(api.service())

    with ThreadPoolExecutor(_THREADS) as threads:
        for attempt in range(20):
            monkeypatch.setenv("VECTORD_MAX_SHARDS", str(attempt + 1))  # settings of which there is no service yet
            assert len(set(threads.map(composed, range(_THREADS)))) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("compose", "is_imported"), [("service", False), ("writing_service", True)])
def test_only_a_function_that_writes_imports_boto3_before_it_needs_it(compose: str, is_imported: bool) -> None:
    code = f"""
import sys, threading
from vectord.runtime import api
api.{compose}()
for thread in threading.enumerate():
    if thread.name == "client":
        thread.join()
print("boto3.session" in sys.modules)
"""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "VECTORD_STORE": "s3://bucket/p"}
    environment |= dict.fromkeys(names, "us-east-1")
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{is_imported}\n"
