"""Errors of vector buckets. Their messages are those of Amazon S3 Vectors, as its clients know them."""

from vectord.errors import BlobCorrupt, BucketError


class BucketNotFound(BucketError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__("The specified vector bucket could not be found")


class BucketExists(BucketError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__("A vector bucket with the specified name already exists")


class BucketNotEmpty(BucketError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__("The specified vector bucket is not empty")


class BucketPolicyNotFound(BucketError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__("The specified vector bucket policy could not be found")


class BucketUnreadable(BlobCorrupt):
    """The object of a vector bucket is not one that this vectord wrote."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(reason, name)
        self.name = name
        self.args = (f"The vector bucket {name!r} cannot be read: {reason}",)

    def with_index(self, index: str) -> "BucketUnreadable":
        """Return the same error."""
        return self
