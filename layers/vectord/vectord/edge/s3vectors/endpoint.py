"""What the operations of S3 Vectors work with: the service, and the ARNs of its vector buckets."""

import msgspec

from vectord.edge.s3vectors.names import Arns
from vectord.service.service import Service
from vectord.service.values.environment import Environment


class Endpoint(msgspec.Struct, frozen=True):
    """A service, and the account and region in its ARNs."""

    service: Service
    arns: Arns

    @property
    def environment(self) -> Environment:
        return self.service.environment
