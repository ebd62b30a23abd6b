"""Load a file of any size into an index; after an interruption, run it again: it continues.

    python examples/bulk_load.py films.parquet films --dimension 384 --target ./data

Formats: .parquet, .jsonl and .ndjson (also with .gz), .npz, .npy, .csv and .tsv, also as s3://bucket/key.
"""

import argparse
from itertools import islice

from vectord_client import Client

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("file")
parser.add_argument("index")
parser.add_argument("--dimension", type=int, default=384)
parser.add_argument("--target", help="a URL or a folder; by default VECTORD_URL")
arguments = parser.parse_args()

with Client(arguments.target) as client:
    index = client.create_index(arguments.index, dimension=arguments.dimension, exist_ok=True)
    report = index.load(arguments.file)  # in bounded memory, several requests at a time, with a bar on a terminal
    print(f"{report.added:,} added, {report.replaced:,} replaced, {report.rows_per_second:,.0f} rows/s")
    for row in report.failed[:10]:
        print(f"row {row.position + 1} (id {row.id}): {row.reason}")
    for first in islice(index.rows(), 1):
        print(f"nearest to {first.id}: {', '.join(index.search(id=first.id, k=3).ids)}")
