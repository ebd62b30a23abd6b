"""What the client returns for a queued change."""

import msgspec

from vectord_client.values import Added, Deleted, Patched


class ChangeState(msgspec.Struct, frozen=True):
    """What became of a queued change: `state` is "queued", "applied" or "failed".

    An applied change has a `result`, a failed one a `problem`: the error that the method would have raised which is not
    queued. `token` is None if a server without a queue applied the change at once.
    """

    token: str | None
    state: str
    result: Added | Patched | Deleted | None = None
    problem: Exception | None = None

    @property
    def is_final(self) -> bool:
        return self.state != "queued"

    def value(self) -> Added | Patched | Deleted:
        """Return the result of an applied change; raise the problem of a failed one."""
        if self.problem is not None:
            raise self.problem
        if self.result is None:
            raise ValueError(f"The change is {self.state}, and has no result.")
        return self.result
