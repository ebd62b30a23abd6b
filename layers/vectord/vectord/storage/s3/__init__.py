"""The store in S3: obstore reads, boto3 does the rest."""
