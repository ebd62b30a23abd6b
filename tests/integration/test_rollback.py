"""Operations on the bucket itself, as docs/operations.md describes them."""

from tests.support.api import Api
from tests.support.backends import S3Backend


def test_an_old_version_is_restored_by_copying_it_over_the_current_one(
    bucket: S3Backend, on_s3_in_one_process: Api
) -> None:
    api, key = on_s3_in_one_process, bucket.key("t")
    bucket.client.put_bucket_versioning(Bucket=bucket.bucket, VersioningConfiguration={"Status": "Enabled"})
    api.create("t", 2)
    good = api.add({"id": "a", "vector": [1, 0]})
    version = bucket.client.head_object(Bucket=bucket.bucket, Key=key)["VersionId"]
    api.send("POST", "/indexes/t/vectors/delete", {"ids": ["a"]})
    assert api.search([1, 0]).json["count"] == 0

    source = {"Bucket": bucket.bucket, "Key": key, "VersionId": version}
    bucket.client.copy_object(Bucket=bucket.bucket, Key=key, CopySource=source)

    answer = api.search([1, 0])
    assert [match["id"] for match in answer.json["matches"]] == ["a"]
    assert answer.etag == good.etag
