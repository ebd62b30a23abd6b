"""List objects in the order of their names, although S3 lists them in the order of their keys.

A key is a name and the suffix `.lhv1`, or `.json` in the folder of vector buckets. The two orders differ only where
one name is the beginning of another: `films-2.lhv1` comes before `films.lhv1`, because `-` sorts before `.`. So S3 may
list a name after names that it is the beginning of, and after no others. A page that ends before the last key looks for
such names among the beginnings of the last key that it read.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import structs

from vectord.lhv1 import params
from vectord.storage.base import ListedObject, ObjectPage
from vectord.storage.limits import BUCKETS, CHANGES, HISTORY, STAGING
from vectord.storage.s3.listing import S3Listing

SUFFIX: Final = ".lhv1"  # of an index, whose name never starts with a dot


def suffix_of(name: str) -> str:
    """Return what the key of an object has after its name."""
    return "" if name.startswith((STAGING, CHANGES)) else ".json" if name.startswith((BUCKETS, HISTORY)) else SUFFIX


def page_of_names(listing: S3Listing, folder: str, prefix: str, limit: int, after: str | None) -> ObjectPage:
    """Return up to `limit` objects in `folder`, in the order of names, as `Store.list` does."""
    suffix = suffix_of(prefix)
    if prefix.startswith(BUCKETS):
        after = None if after is None else after.removeprefix(BUCKETS)
        page = _page(listing, folder + BUCKETS, suffix, prefix.removeprefix(BUCKETS), limit=limit, after=after)
        buckets = tuple(structs.replace(one, name=BUCKETS + one.name) for one in page.objects)
        return ObjectPage(buckets, None if page.after is None else BUCKETS + page.after)
    return _page(listing, folder, suffix, prefix, limit=limit, after=after)


def staged_objects(listing: S3Listing, folder: str, prefix: str) -> list[ListedObject]:
    """Return the staged objects in `folder` whose names start with `prefix`, as `Store.staged` does."""
    return [
        ListedObject(entry["Key"].removeprefix(folder), entry["Size"], entry["LastModified"], entry.get("ETag", ""))
        for entries, _ in listing.pages(folder + prefix, None)
        for entry in entries
    ]


def _page(listing: S3Listing, folder: str, suffix: str, prefix: str, *, limit: int, after: str | None) -> ObjectPage:
    """Return up to `limit` objects of one folder, whose keys end with `suffix`; names are relative to the folder."""
    if not params.may_start_index_name(prefix):
        return ObjectPage((), None)
    found: dict[str, ListedObject] = {}
    last_key, complete = "", False
    # Every name after `after` has a key after the text `after`: only the names that `after` starts with come again.
    pages = listing.pages(folder + prefix, folder + after if after else None)
    while not complete and len(found) <= limit:
        entries, complete = next(pages)
        for entry in entries:
            last_key = entry["Key"].removeprefix(folder)
            if (
                (listed := _listed(last_key, suffix, entry))
                and listed.name.startswith(prefix)
                and listed.name > (after or "")
            ):
                found[listed.name] = listed
    if not complete:
        bound = sorted(found)[limit]
        for name in _unread_beginnings(last_key, suffix):
            wanted = name.startswith(prefix) and (after or "") < name < bound
            if wanted and (listed := _listed(name + suffix, suffix, listing.entry(f"{folder}{name}{suffix}"))):
                found[name] = listed
    names = sorted(found)
    return ObjectPage(tuple(found[name] for name in names[:limit]), names[limit - 1] if len(names) > limit else None)


def _listed(key: str, suffix: str, entry: Mapping[str, Any] | None) -> ListedObject | None:
    """Return the entry of a key as an object; None if there is no entry, or the key is not that of such an object."""
    name = key.removesuffix(suffix)
    if entry is None or not key.endswith(suffix) or not params.is_index_name(name):
        return None
    return ListedObject(name, entry["Size"], entry["LastModified"], entry.get("ETag", ""))


def _unread_beginnings(last_key: str, suffix: str) -> Iterator[str]:
    """Yield the names that `last_key` starts with and whose keys come after it, in the order of names."""
    for at, character in enumerate(last_key):
        name = last_key[:at]
        if character in "-." and params.is_index_name(name) and name + suffix > last_key:
            yield name
