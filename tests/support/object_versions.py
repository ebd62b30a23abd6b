"""Objects with several versions, over any backend."""

from tests.support.backends import LEAST_PART, Backend
from vectord.storage.base import IfAbsent, IfMatch, ObjectVersion

OLD, NEW = b"o" * LEAST_PART + b"0123456789", b"n" * LEAST_PART + b"9876543210"


def write(backend: Backend, *states: bytes, name: str = "t") -> list[str]:
    """Write the states of an object one after the other; return their ETags, oldest first."""
    etags: list[str] = []
    for state in states:
        etags.append(backend.store.put(name, state, IfMatch(etags[-1]) if etags else IfAbsent(), "a-commit"))
    return etags


def versions(backend: Backend, name: str = "t") -> list[ObjectVersion]:
    """Return all versions, oldest first."""
    page = backend.store.versions(name, 100)
    assert page.after is None
    return list(reversed(page.versions))
