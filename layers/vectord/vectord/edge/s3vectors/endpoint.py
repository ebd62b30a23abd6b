"""What the operations of S3 Vectors work with: the service, and the ARNs of its vector buckets."""

from collections.abc import Callable

import msgspec

from vectord.edge.access import Right
from vectord.edge.request import Request
from vectord.edge.s3vectors.names import Arns, IndexName, NamesIndex
from vectord.errors import IndexNotFound, RequestInvalid
from vectord.lhv1.bucket_index import BucketIndex
from vectord.service.buckets.values import index_name
from vectord.service.membership import in_bucket
from vectord.service.service import Service
from vectord.service.single.index import SingleIndex
from vectord.service.values.environment import Environment
from vectord.service.values.options import STRONG, ReadOptions


class Endpoint(msgspec.Struct, frozen=True):
    """A service, and the account and region in its ARNs."""

    service: Service
    arns: Arns

    @property
    def environment(self) -> Environment:
        return self.service.environment

    def index(self, request: Request, body: NamesIndex, right: Right) -> IndexName:
        """Return the names of the index in a body, on which the caller has a right.

        Raises:
            RequestInvalid, OtherAccount: as `Arns.index_name`
            AccessDenied
        """
        name = self.arns.index_name(body)
        check_index_right(request, right, name)
        return name

    def run[R](
        self,
        request: Request,
        name: IndexName,
        use: Callable[[SingleIndex], R],
        read: ReadOptions = STRONG,
        *,
        for_search: bool = False,
    ) -> R:
        """Open an index of a vector bucket and return the result of `use`, as `Service.run`.

        Raises:
            BucketNotFound: there is no such bucket.
            IndexNotFound: it has no such index.
        """
        try:
            return self.service.run(name.native, request.deadline, read, in_bucket(use), for_search=for_search)
        except IndexNotFound:
            self.service.buckets.get(name.bucket, request.deadline)
            raise


def check_index_right(request: Request, right: Right, name: IndexName) -> None:
    """Name an index in the log; raise AccessDenied if the caller lacks a right on it."""
    request.subject.index = name.native
    request.check_right(right, name.native)


def check_bucket_right(request: Request, right: Right, bucket: str) -> None:
    """Name a vector bucket in the log; raise AccessDenied if the caller lacks a right on some index of it."""
    request.subject.index = bucket
    request.check_right_on_all(right, index_name(bucket, ""))


def check_enhanced(stored: BucketIndex, what: str) -> None:
    """Raise RequestInvalid if the mode of an index is not ENHANCED, which `what` needs."""
    if stored.mode != "ENHANCED":
        raise RequestInvalid(f"{what} needs an index whose mode is ENHANCED. Change it with UpdateIndexMode.")
