"""Local files of made-up sections, filled as a test needs them."""

import zlib

import numpy as np

from vectord.frame import SectionEntry
from vectord.local import PAGE, LocalFile, LocalFiles

SIZE = 4 * PAGE
PLENTY = 1 << 30


def content(ident: str) -> bytes:
    return np.random.default_rng(ident.encode()[0]).bytes(SIZE)


def entry(ident: str) -> SectionEntry:
    return SectionEntry("rows", SIZE, f"{zlib.crc32(content(ident)):08x}", ident)


def fill(files: LocalFiles, ident: str, pages: int = 4) -> LocalFile:
    section = files.open(entry(ident))
    section.write(0, content(ident)[: pages * PAGE])
    return section


def present(files: LocalFiles, ident: str) -> bool:
    return not files.open(entry(ident)).missing([(0, PAGE)])
