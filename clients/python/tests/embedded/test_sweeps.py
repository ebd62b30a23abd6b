"""A process removes what is too old from a folder, even if it writes nothing itself."""

import os
import time
from pathlib import Path

from vectord_client.embedded.entry import open_gateway
from vectord_client.embedded.requirements import Options
from vectord_client.embedded.worker import Repeating


def test_an_exported_file_of_more_than_a_day_is_removed_soon_after_a_folder_is_opened(
    tmp_path: Path, options: Options
) -> None:
    staged = tmp_path / "data" / ".staging" / "export"
    staged.parent.mkdir(parents=True)
    for path, days in ((staged, 1.1), (staged.with_name("recent"), 0.9)):
        path.write_bytes(b"rows")
        os.utime(path, (time.time() - days * 86_400,) * 2)
    gateway = open_gateway(tmp_path / "data", options)
    deadline = time.monotonic() + 20
    while staged.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    gateway.close()
    assert [path.name for path in staged.parent.iterdir()] == ["recent"]


def test_work_is_repeated_until_it_is_stopped() -> None:
    done: list[float] = []
    repeating = Repeating("vectord-test", lambda: done.append(time.monotonic()), first=0.0, interval=0.01)
    repeating.start()
    deadline = time.monotonic() + 20
    while len(done) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    repeating.stop()
    time.sleep(0.1)
    count = len(done)
    time.sleep(0.1)
    assert len(done) == count
