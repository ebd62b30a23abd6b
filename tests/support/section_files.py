"""Section files with random content, filled as far as a test needs."""

import zlib

import numpy as np

from vectord.cache.section_cache import SectionCache
from vectord.cache.section_file import PAGE, SectionFile
from vectord.lhv1.frame import SectionEntry

SIZE = 4 * PAGE
PLENTY = 1 << 30


def content(ident: str) -> bytes:
    return np.random.default_rng(ident.encode()[0]).bytes(SIZE)


def entry(ident: str) -> SectionEntry:
    return SectionEntry("rows", SIZE, f"{zlib.crc32(content(ident)):08x}", ident)


def fill(files: SectionCache, ident: str, pages: int = 4) -> SectionFile:
    section = files.open(entry(ident))
    section.write(0, content(ident)[: pages * PAGE])
    return section


def present(files: SectionCache, ident: str) -> bool:
    return not files.open(entry(ident)).missing([(0, PAGE)])
