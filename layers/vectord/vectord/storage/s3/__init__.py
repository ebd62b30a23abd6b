"""The store on Amazon S3."""
