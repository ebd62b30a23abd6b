"""Semantic search: 6,340 operations of the AWS APIs, and questions in words, with their embeddings.

usage: python examples/semantic_search.py [FOLDER or URL]

It needs the extra `embedded` for a folder, and no network. A second run uses the index of the first; after an
interruption it adds all rows again, which replaces those that the index has.
"""

import sys
from pathlib import Path

import numpy as np
from vectord_client import Client

SHOWN = 5  # questions


def main(target: str = "./data") -> None:
    """Fill the index `aws-operations` if rows are missing, and print the nearest operations to some questions."""
    data = np.load(Path(__file__).with_name("aws_operations.npz"))
    with Client(target) as client:
        operations = client.create_index("aws-operations", dimension=384, exist_ok=True)
        ids = data["ids"].tolist()
        if operations.count() < len(ids):
            vectors = data["vectors"].astype(np.float32)
            metadata = [{"service": service} for service in data["service"].tolist()]
            for start in range(0, len(ids), 2_000):  # a request has up to 6 MB
                part = slice(start, start + 2_000)
                operations.add(ids=ids[part], vectors=vectors[part], metadata=metadata[part])
        for question, vector in zip(data["queries"][:SHOWN].tolist(), data["query_vectors"], strict=False):
            hits = operations.search(vector.astype(np.float32), k=3)
            print(f"{question}\n" + "".join(f"  {hit.distance:.3f}  {hit.id}\n" for hit in hits))


if __name__ == "__main__":
    main(*sys.argv[1:])
