"""List the indexes that a caller may read, and never a name that it may not."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from vectord.edge.access import Rights
from vectord.lhv1 import params
from vectord.storage.base import ObjectPage

_MAX_REQUESTS: Final = 100  # listings of the store for one page

# Lists up to `limit` indexes by prefix, limit and the name after which the page starts.
type ListPage = Callable[[str, int, str | None], ObjectPage]
# Does the same for any items with names; it returns fewer than `limit` only at the end.
type ListNames[N] = Callable[[str, int, str | None], Sequence[N]]


class Named(Protocol):
    @property
    def name(self) -> str: ...


def visible_indexes(list_page: ListPage, rights: Rights, prefix: str, limit: int, after: str | None) -> ObjectPage:
    """Return up to `limit` indexes that `rights` allow to read, whose names start with `prefix` and come after `after`.

    A page may be shorter than `limit`, even empty, while `after` of the result names where the next one starts.
    """
    found, end = visible(lambda *page: list_page(*page).objects, rights, prefix, limit, after)
    return ObjectPage(tuple(found), end)


def visible[N: Named](
    list_names: ListNames[N], rights: Rights, prefix: str, limit: int, after: str | None
) -> tuple[list[N], str | None]:
    """Return visible items and the name after which the next page starts, None on the last page.

    This name comes from the page or from the rights, so it reveals nothing.
    """
    found: list[N] = []
    scopes = [scope for scope in _scopes(rights, prefix) if after is None or not _is_before(scope, after)]
    for number, (text, is_prefix) in enumerate(scopes):
        if number == _MAX_REQUESTS:
            return found, max([scopes[number - 1][0], *(one.name for one in found[-1:])])
        start = after if after is not None and after.startswith(text) else None
        listed = list_names(text, limit + 1 - len(found) if is_prefix else 1, start)
        found += [one for one in listed if is_prefix or one.name == text]
        if len(found) > limit:
            return found[:limit], found[limit - 1].name
    return found, None


def _scopes(rights: Rights, prefix: str) -> list[tuple[str, bool]]:
    """Return what to list, in the order of names and without overlaps: a name, or with True all names that start so."""
    scopes: list[tuple[str, bool]] = []
    for grant in rights.grants:
        if grant.name.startswith(prefix):
            scopes.append((grant.name, grant.is_prefix))
        elif grant.is_prefix and prefix.startswith(grant.name):
            scopes.append((prefix, True))
    disjoint: list[tuple[str, bool]] = []
    for scope in sorted(set(scopes), key=lambda scope: (scope[0], not scope[1])):
        is_possible = params.is_index_name(scope[0] or "any")
        if is_possible and not (disjoint and _includes(disjoint[-1], scope[0])):
            disjoint.append(scope)
    return disjoint


def _includes(scope: tuple[str, bool], name: str) -> bool:
    return name.startswith(scope[0]) if scope[1] else name == scope[0]


def _is_before(scope: tuple[str, bool], after: str) -> bool:
    """Return True if every name of the scope comes before `after` or is `after`."""
    text, is_prefix = scope
    return text <= after and not (is_prefix and after.startswith(text))
