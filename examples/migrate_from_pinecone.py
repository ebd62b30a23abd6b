"""Load a Pinecone export: a folder for each namespace, with Parquet or JSONL files. Each namespace becomes an index.

    python examples/migrate_from_pinecone.py ./export --target ./data

A row has `id`, `values` and perhaps `metadata`, which is JSON text in Parquet. Sparse values are left out: vectors of
vectord are dense. An index with the metric dotproduct is searched by cosine, which is the same for vectors of length 1.
"""

import argparse
import json
from pathlib import Path

import pyarrow.parquet as pq
from vectord_client import Client

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("folder", type=Path)
parser.add_argument("--distance", choices=["cosine", "euclidean"], default="cosine")
parser.add_argument("--target", help="a URL or a folder; by default VECTORD_URL")
arguments = parser.parse_args()


def first_row(file):
    """Return the first row, with all columns of the file."""
    if file.suffix == ".parquet":
        return next(pq.ParquetFile(file).iter_batches(1)).to_pylist()[0]
    return {"metadata": None, **json.loads(file.open(encoding="utf-8").readline())}


with Client(arguments.target) as client:
    for file in sorted(path for ending in ("parquet", "jsonl") for path in arguments.folder.rglob(f"*.{ending}")):
        row, name = first_row(file), file.parent.name
        index = client.create_index(name, dimension=len(row["values"]), distance=arguments.distance, exist_ok=True)
        report = index.load(file, vector="values", metadata="metadata" if "metadata" in row else [])
        print(file, "into", name, report)
