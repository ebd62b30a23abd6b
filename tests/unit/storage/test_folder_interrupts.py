"""Ctrl-C at any moment of a change leaves the old or the new state of a folder, no lock held and no temporary file.

Python raises KeyboardInterrupt where a function begins and after a call of a C function. A profile function sees both.
"""

import sys
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.support.folder_states import CASES, NAMES, Case, filled, opened, state_of
from vectord.storage.files.locks import Locks
from vectord.storage.files.store import FileStore
from vectord.storage.files.system import System

pytestmark = pytest.mark.slow


class Moments:
    """The moments in the modules of the store, of which the one with the number `at`, from 1, is interrupted."""

    def __init__(self, at: int) -> None:
        self.at, self.passed = at, 0

    def pass_one(self, frame: FrameType, event: str, argument: Any) -> None:
        path = frame.f_code.co_filename
        if event not in ("call", "c_return") or ("/storage/files/" not in path and not path.endswith("contextlib.py")):
            return
        self.passed += 1
        if self.passed == self.at:
            sys.setprofile(None)
            raise KeyboardInterrupt


def is_interrupted(case: Case, store: FileStore, at: int) -> bool:
    """Make the change; return False if it ends before the moment `at`."""
    moments = Moments(at)
    try:
        sys.setprofile(moments.pass_one)
        case.change(store)
    except KeyboardInterrupt:
        pass
    finally:
        sys.setprofile(None)
    return moments.passed >= at


def held(folder: Path) -> list[str]:
    names = []
    for name in NAMES:
        with Locks(str(folder), System()).try_hold(name) as is_ours:
            if not is_ours:
                names.append(name)
    return names


# An interrupt between two instructions of a generator that is being removed is reported, not raised.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", CASES)
def test_an_interrupted_change_leaves_a_whole_state_and_nothing_held(name: str, tmp_path: Path) -> None:
    case, folder = CASES[name], tmp_path / "0"
    before = filled(folder)
    case.change(opened(folder))  # what is made once in a process
    for at in count(1):
        if state_of(folder) != before:
            folder = tmp_path / str(at)
            filled(folder)
        if not is_interrupted(case, opened(folder), at):
            break
        assert list((folder / ".temporary").iterdir()) == []
        assert held(folder) == []
        assert state_of(folder) in (before, case.outcome(before))
    assert at > 10
    assert state_of(folder) == case.outcome(before)
