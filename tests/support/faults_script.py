"""A scripted store whose script can be torn up."""

from tests.support.scripted_store import ScriptedStore


class Script(ScriptedStore):
    """Steps that no call took do not wait for a later one."""

    def clear(self) -> None:
        self._next.clear()
