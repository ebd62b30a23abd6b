"""A process that is killed at any system call leaves the old or the new state of a folder, and no garbage for ever."""

from pathlib import Path

import pytest

from tests.reliability import processes, roles
from tests.reliability.run import figure
from tests.support.folder_states import CASES, filled, garbage, opened, state_of


@pytest.mark.parametrize("after", [False, True], ids=["before a call", "after a call"])
@pytest.mark.parametrize("name", CASES)
def test_a_process_killed_at_any_system_call_leaves_a_whole_state(name: str, after: bool, tmp_path: Path) -> None:
    case, before = CASES[name], filled(tmp_path / "first")
    outcome = case.outcome(before)
    with processes.running(roles.changers_to_be_killed, (tmp_path, name, after)) as some:
        processes.all_done(some)
    folders = sorted((path for path in tmp_path.iterdir() if path.name != "first"), key=lambda path: int(path.name))
    was_new = []
    for folder in folders:
        found = state_of(folder)
        assert found in (before, outcome), folder.name
        was_new.append(found == outcome)
        assert case.has_versions(folder, found), folder.name
        assert garbage(folder) == set(), folder.name
        if found == before:  # the next process does what the killed one did not
            case.change(opened(folder))
        assert state_of(folder) == outcome, folder.name
    figure("processes killed at a system call", len(folders))
    if not case.has_thread:  # the calls of two threads have another order in each process
        # One call makes the change visible.
        assert was_new == sorted(was_new)
    assert not was_new[0]
    assert was_new[-1] or not after
