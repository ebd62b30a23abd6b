"""Errors as RFC 9457 problems. `type` is stable: programs may branch on it, and only on it and the status."""

from typing import Final

import msgspec
from msgspec import structs

from vectord import errors
from vectord.errors import BadItem, BatchInvalid, VectordError

CONTENT_TYPE: Final = "application/problem+json"
# So that a refusal of the largest batch still fits an answer.
_MAX_ITEMS: Final = 5_000
_MAX_ID: Final = 256
_MAX_DETAIL: Final = 1_000  # characters; a detail may repeat what the caller sent
TYPE_PREFIX: Final = "urn:vectord:problem:"


class Kind(msgspec.Struct, frozen=True):
    """A kind of problem; `told` replaces the error's own words where those are not for callers."""

    status: int
    slug: str
    title: str
    told: str | None = None


# The first class that fits counts, so the special come before the general.
KINDS: Final[dict[type[VectordError], Kind]] = {
    errors.MalformedJson: Kind(400, "malformed-json", "The body is not JSON"),
    errors.RouteNotFound: Kind(404, "route-not-found", "No such resource"),
    errors.IndexNotFound: Kind(404, "index-not-found", "No such index"),
    errors.VectorNotFound: Kind(404, "vector-not-found", "No such vector"),
    errors.VectorsNotFound: Kind(404, "vector-not-found", "No such vector"),
    errors.VersionNotFound: Kind(404, "version-not-found", "No such version of the index"),
    errors.IndexExists: Kind(409, "index-exists", "The index exists already"),
    errors.PreconditionFailed: Kind(412, "precondition-failed", "The index has another version"),
    errors.RequestTooLarge: Kind(413, "request-too-large", "The request is too large"),
    errors.AnswerTooLarge: Kind(413, "answer-too-large", "The answer would be too large"),
    errors.BatchInvalid: Kind(422, "batch-invalid", "Some items of the batch are not valid"),
    errors.FilterInvalid: Kind(422, "filter-invalid", "The filter is not valid"),
    errors.CursorInvalid: Kind(422, "cursor-invalid", "The cursor is not one of this listing"),
    errors.IdempotencyKeyReused: Kind(422, "idempotency-key-reused", "The Idempotency-Key came with another request"),
    errors.RequestInvalid: Kind(422, "request-invalid", "The request is not valid"),
    errors.OutcomeUnknown: Kind(503, "outcome-unknown", "The change may or may not be applied"),
    errors.PartlyApplied: Kind(503, "partly-applied", "Some shards took their part of the batch, others did not"),
    errors.Contended: Kind(503, "contended", "Others are changing the index"),
    errors.StorageSilent: Kind(503, "storage-silent", "Storage does not answer"),
    errors.BlobUnsupported: Kind(500, "index-unsupported", "The index was written by an unknown version"),
    errors.BlobCorrupt: Kind(500, "index-corrupt", "The index is corrupt"),
    errors.StoreError: Kind(
        500,
        "storage-refused",
        "Storage refused",
        "Storage refused the request. The operator finds the reason in the log.",
    ),
}


class Problem(msgspec.Struct, omit_defaults=True):
    """The members of RFC 9457, section 3.1; `errors` lists a batch's bad items but for the `errors_omitted` last."""

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[BadItem, ...] = ()
    errors_omitted: int = 0

    def with_half_the_items(self) -> "Problem":
        kept = self.errors[: len(self.errors) // 2]
        omitted = self.errors_omitted + len(self.errors) - len(kept)
        return structs.replace(self, errors=kept, errors_omitted=omitted)


def problem(error: VectordError) -> Problem:
    kind = next(kind for known, kind in KINDS.items() if isinstance(error, known))
    items = error.items if isinstance(error, BatchInvalid) else ()
    shown = tuple(_shortened(item) for item in items[:_MAX_ITEMS])
    return Problem(
        TYPE_PREFIX + kind.slug,
        kind.title,
        kind.status,
        _cut(kind.told or str(error), _MAX_DETAIL),
        shown,
        len(items) - len(shown),
    )


def _shortened(item: BadItem) -> BadItem:
    return structs.replace(item, id=item.id and _cut(item.id, _MAX_ID), reason=_cut(item.reason, _MAX_DETAIL))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "…"
