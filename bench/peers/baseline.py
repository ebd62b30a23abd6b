"""The cost of the stand-in and of the link: an add's S3 calls alone, and downloads with and without the link."""

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from bench.peers.participants import OURS
from bench.peers.results import BareCalls
from bench.s3.stand_in import BUCKET, StandIn, client

_PART = 5 << 20
_HEAD = bytes(5_200_000)
_RUNS = 3
_LARGE, _SMALL = 64 << 20, 512


def copy_calls(store: StandIn, key: str) -> BareCalls | None:
    """Measure the S3 calls of an add by multipart copy; None if the object is too small for one.

    The stand-in reads and hashes all bytes that it copies; S3 does not do that while a caller waits.
    """
    size = store.s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"]
    if size < 2 * len(_HEAD):
        return None
    runs = [_copy(store, key, size) for _ in range(_RUNS)]
    return BareCalls({name: median(run[name] for run in runs) for name in runs[0]})


def _copy(store: StandIn, key: str, size: int) -> dict[str, float]:
    s3, taken = store.s3, dict[str, float]()

    def timed(name: str, call: Callable[..., Any], **terms: Any) -> Any:
        started = time.perf_counter()
        answer = call(Bucket=BUCKET, Key=f"bare/{OURS}", **terms)
        taken[name] = time.perf_counter() - started
        return answer

    upload = timed("CreateMultipartUpload", s3.create_multipart_upload)["UploadId"]
    source = {"CopySource": {"Bucket": BUCKET, "Key": key}, "CopySourceRange": f"bytes={_PART}-{size - 1}"}
    etags = [
        timed("UploadPart, 5.2 MB", s3.upload_part, UploadId=upload, PartNumber=1, Body=_HEAD)["ETag"],
        timed("UploadPartCopy", s3.upload_part_copy, UploadId=upload, PartNumber=2, **source)["CopyPartResult"]["ETag"],
    ]
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    timed("Complete", s3.complete_multipart_upload, UploadId=upload, MultipartUpload={"Parts": parts})
    s3.delete_object(Bucket=BUCKET, Key=f"bare/{OURS}")
    return taken


def overhead(store: StandIn) -> Mapping[str, tuple[float, float]]:
    """Return the seconds to download a large and a small object: directly, through the link without and with limits."""
    for key, size in (("large", _LARGE), ("small", _SMALL)):
        store.s3.put_object(Bucket=BUCKET, Key=f"bare/{key}", Body=bytes(size))
    ways = {"direct": (store.direct, False), "link without limits": (store.linked, False), "link": (store.linked, True)}
    found = {}
    for name, (endpoint, linked) in ways.items():
        store.limited(linked)
        s3 = client(endpoint)
        found[name] = _get(s3, "large", 3), _get(s3, "small", 20)
    for key in ("large", "small"):
        store.s3.delete_object(Bucket=BUCKET, Key=f"bare/{key}")
    store.link.take()
    return found


def _get(s3: Any, key: str, runs: int) -> float:
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        s3.get_object(Bucket=BUCKET, Key=f"bare/{key}")["Body"].read()
        taken.append(time.perf_counter() - started)
    return median(taken)
