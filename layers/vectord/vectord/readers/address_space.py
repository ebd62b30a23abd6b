"""Limit the address space of the process while a file is read.

A library may allocate more than the bounds on rows and sizes foresee, such as a page of a Parquet file whose strings
share prefixes. Above this limit its allocation fails, and the file is refused. Without it, Lambda would end the process
and with it the other files of the batch.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PAGE = resource.getpagesize()


@contextmanager
def spare_memory(spare: int) -> Iterator[None]:
    """Let the process allocate at most `spare` bytes more than it has now; an allocation beyond raises MemoryError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    present = int(Path("/proc/self/statm").read_text().split(maxsplit=1)[0]) * _PAGE
    limits = [present + spare, *(limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
