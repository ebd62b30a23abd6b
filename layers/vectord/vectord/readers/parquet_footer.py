"""Check what a Parquet file says about itself before DuckDB decodes it.

The footer describes the schema, and each column in each row group; a header before each page has its sizes. DuckDB
allocates what the footer claims, works for minutes on 100,000 columns, and decompresses every page, also one without
values. Formats: https://parquet.apache.org/docs/file-format/ and parquet.thrift, which numbers the fields.
"""

from collections.abc import Iterator
from typing import Final

from vectord.errors import FileRefused
from vectord.readers.thrift import Decoder, Struct, Value

_MAGIC: Final = b"PAR1"
_TAIL: Final = 8  # bytes: the length of the footer, and the magic
_MAX_FIELDS: Final = 1_000_000  # of the footer: about 20 for each column in a row group
_MAX_COLUMNS: Final = 1_000  # with the fields of typed metadata
_MAX_PAGES: Final = 100_000
_MAX_PAGE_FIELDS: Final = 100  # of a header
_DECODED: Final = 4  # times the limit: what all pages may decompress to

# Numbers of fields.
_SCHEMA, _ROW_GROUPS = 2, 4  # FileMetaData
_COLUMNS = 1  # RowGroup
_METADATA = 3  # ColumnChunk
_VALUES, _DATA_PAGE, _DICTIONARY_PAGE = 5, 9, 11  # ColumnMetaData
_DECODED_SIZE, _STORED_SIZE, _DATA_HEADER, _DATA_HEADER_2 = 2, 3, 5, 8  # PageHeader
_PAGE_VALUES = 1  # DataPageHeader and DataPageHeaderV2


def check_description(data: bytes, limit: int) -> None:
    """Raise FileRefused if a file describes more than the function can decode with `limit` bytes for its rows."""
    size = int.from_bytes(data[-_TAIL:-4], "little")
    start = len(data) - _TAIL - size
    if data[-4:] != _MAGIC or data[:4] != _MAGIC or start < len(_MAGIC):
        raise FileRefused("it cannot be read as Parquet (it is truncated, or not a Parquet file)")
    footer = Decoder(memoryview(data)[:-_TAIL], start, _MAX_FIELDS).struct()
    if len(_list(footer, _SCHEMA)) > _MAX_COLUMNS:
        raise FileRefused(f"it has more than {_MAX_COLUMNS:,} columns, with the fields of its metadata")
    pages = decoded = 0
    for row_group in _list(footer, _ROW_GROUPS):
        for column in _list(row_group, _COLUMNS):
            for page in _pages(data, _struct(column, _METADATA)):
                pages, decoded = pages + 1, decoded + max(_int(page, _DECODED_SIZE), 0)
                if pages > _MAX_PAGES:
                    raise FileRefused(f"it has more than {_MAX_PAGES:,} pages; write larger pages")
                if decoded > _DECODED * limit:
                    raise FileRefused(f"its pages decompress to more than {_DECODED * limit:,} bytes; split it")


def _pages(data: bytes, column: Struct) -> Iterator[Struct]:
    """Yield the headers of the pages of a column in a row group, as DuckDB reads them: until they have all values."""
    starts = [_int(column, field) for field in (_DICTIONARY_PAGE, _DATA_PAGE) if field in column]
    at, values = min(starts, default=-1), _int(column, _VALUES)
    while values > 0:
        if not 0 <= at < len(data):
            raise FileRefused("it cannot be read as Parquet (a page is outside of the file)")
        decoder = Decoder(data, at, _MAX_PAGE_FIELDS)
        page = decoder.struct()
        yield page
        values -= _int(_struct(page, _DATA_HEADER), _PAGE_VALUES) + _int(_struct(page, _DATA_HEADER_2), _PAGE_VALUES)
        at = decoder.at + max(_int(page, _STORED_SIZE), 0)


def _list(struct: Value, field: int) -> list[Value]:
    found = struct.get(field) if isinstance(struct, dict) else None
    return found if isinstance(found, list) else []


def _struct(struct: Value, field: int) -> Struct:
    found = struct.get(field) if isinstance(struct, dict) else None
    return found if isinstance(found, dict) else {}


def _int(struct: Struct, field: int) -> int:
    found = struct.get(field)
    return found if isinstance(found, int) else 0
