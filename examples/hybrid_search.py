"""Hybrid search: operations of the AWS APIs, by what a question means and by words, such as the name of a service.

usage: python examples/hybrid_search.py [FOLDER or URL]

It needs the extra `embedded` for a folder, and no network. The questions come with their embeddings.
"""

import re
import sys
from pathlib import Path

import numpy as np
from vectord_client import Client

WORDS = {"restore a backup from last night": "dynamodb", "put a record on a stream": "firehose"}


def main(target: str = "./data") -> None:
    """Fill the index `aws-words`, and print what questions find by vector, by words and by both."""
    data = np.load(Path(__file__).with_name("aws_operations.npz"))
    ids, vectors = data["ids"].tolist(), data["vectors"].astype(np.float32)
    with Client(target) as client:
        operations = client.create_index("aws-words", dimension=384, text="name", exist_ok=True)
        if operations.count() < len(ids):
            names = [re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[.-]", " ", id) for id in ids]  # "s3.PutObject": "s3 Put Object"
            for start in range(0, len(ids), 2_000):  # a request has up to 6 MB
                part = slice(start, start + 2_000)
                operations.add(ids=ids[part], vectors=vectors[part], metadata=[{"name": name} for name in names[part]])
        for question, words in WORDS.items():
            vector = data["query_vectors"][data["queries"].tolist().index(question)].astype(np.float32)
            print(f"{question}: {words}")
            print("  vector", *operations.search(vector, k=3).ids)
            print("  words ", *operations.search(words=words, k=3).ids)
            print("  hybrid", *operations.search(vector, words=words, k=3).ids)


if __name__ == "__main__":
    main(*sys.argv[1:])
