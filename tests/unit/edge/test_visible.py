"""A listing shows the indexes that its caller may read, in order and in full pages."""

from datetime import UTC, datetime
from itertools import chain

import pytest

from vectord.edge import access
from vectord.edge.visible import visible_indexes
from vectord.storage.base import ListedObject, ObjectPage

NAMES = sorted(
    ["films", "films-2", "films.old", *(f"team-a-{i:02}" for i in range(40)), "team-b-1", "zoo", "Alpha", "_x"]
)


class Store:
    """Lists NAMES by code point, and counts the listings."""

    def __init__(self) -> None:
        self.listings = 0

    def list(self, prefix: str, limit: int, after: str | None) -> ObjectPage:
        self.listings += 1
        found = [name for name in NAMES if name.startswith(prefix) and name > (after or "")]
        page = tuple(ListedObject(name, 1, datetime.now(UTC), '"e"') for name in found[:limit])
        return ObjectPage(page, found[limit - 1] if len(found) > limit else None)


def pages(claim: str, prefix: str = "", limit: int = 7) -> list[list[str]]:
    rights = access.authorize({"requestContext": {"authorizer": {"jwt": {"claims": {"c": claim}}}}}, "c", None, "")
    after, seen = None, []
    while True:
        page = visible_indexes(Store().list, rights, prefix, limit, after)
        seen.append([one.name for one in page.objects])
        if page.after is None:
            return seen
        after = page.after


@pytest.mark.parametrize(
    "claim",
    [
        *(
            "read:films",
            "read:films*",
            "read:team-a-*",
            "admin:*",
            "read:films write:team-a-1* admin:zoo",
            "read:absent",
        ),
        *(
            "write:team-a-* read:team-a-05 read:team-*",
            "read:films read:films* read:films-2",
            "read:_* read:A*",
            "x",
            "",
        ),
        *("read:.* read:films", "read:Alpha read:zoo read:_x read:no read:team-b-1"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "f", "films", "films-", "team-a-0", "z", "Q"])
def test_all_pages_together_are_the_visible_names_in_order(claim: str, prefix: str) -> None:
    rights = access.authorize({"requestContext": {"authorizer": {"jwt": {"claims": {"c": claim}}}}}, "c", None, "")
    expected = [name for name in NAMES if name.startswith(prefix) and rights.allow("read", name)]
    for limit in (1, 3, 100):
        assert list(chain(*pages(claim, prefix, limit))) == expected


def test_each_page_but_the_last_is_full() -> None:
    sizes = [len(page) for page in pages("read:films read:team-a-* read:zoo", limit=7)]
    assert sizes == [7] * 6


def test_a_page_of_a_caller_with_many_rights_asks_the_store_a_limited_number_of_times() -> None:
    claim, store = " ".join(f"read:absent-{i:03}" for i in range(250)) + " read:zoo", Store()
    rights = access.authorize({"requestContext": {"authorizer": {"jwt": {"claims": {"c": claim}}}}}, "c", None, "")
    page = visible_indexes(store.list, rights, "", 100, None)
    assert (page.objects, store.listings) == ((), 100)
    assert page.after == "absent-099"
    assert list(chain(*pages(claim))) == ["zoo"]


def test_a_page_that_ends_after_the_limited_number_of_listings_is_not_repeated() -> None:
    claim = " ".join(f"read:absent-{i:02}" for i in range(99)) + " read:films* read:zoo"
    assert list(chain(*pages(claim, limit=100))) == ["films", "films-2", "films.old", "zoo"]
