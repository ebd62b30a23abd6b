"""Copy all collections of a Chroma database into vectord, with their metadata and documents.

    python examples/migrate_from_chroma.py ./chroma --target ./data

A document becomes the key `document` of the metadata. A collection with the space ip is searched by cosine, which is
the same for vectors of length 1. Run it again after an interruption: rows that are there are replaced.
"""

import argparse

import chromadb
from vectord_client import Client

DISTANCES = {"cosine": "cosine", "l2": "euclidean", "ip": "cosine"}
PAGE = 1000

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("folder", help="that of chromadb.PersistentClient")
parser.add_argument("--target", help="a URL or a folder; by default VECTORD_URL")
arguments = parser.parse_args()


def rows(collection):
    """Yield all records of a collection as rows: id, vector, metadata."""
    for start in range(0, collection.count(), PAGE):
        page = collection.get(limit=PAGE, offset=start, include=["embeddings", "metadatas", "documents"])
        for key, vector, metadata, document in zip(
            page["ids"], page["embeddings"], page["metadatas"], page["documents"], strict=True
        ):
            yield key, vector, {**(metadata or {}), **({"document": document} if document else {})} or None


with Client(arguments.target) as client:
    for found in chromadb.PersistentClient(arguments.folder).list_collections():
        if records := found.get(limit=1, include=["embeddings"])["embeddings"].tolist():
            space = (found.configuration["hnsw"] or found.configuration["spann"])["space"]
            index = client.create_index(found.name, dimension=len(records[0]), distance=DISTANCES[space], exist_ok=True)
            print(found.name, index.load(rows(found)))
