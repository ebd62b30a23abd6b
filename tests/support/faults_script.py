"""A scripted store whose script can be cleared."""

from tests.support.scripted_store import ScriptedStore


class Script(ScriptedStore):
    """`clear` removes the steps that no call has used."""

    def clear(self) -> None:
        self._next.clear()
