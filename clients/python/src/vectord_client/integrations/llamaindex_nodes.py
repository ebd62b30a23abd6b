"""LlamaIndex's nodes as rows of an index, and rows as nodes.

The metadata of a row has `text` (of the node), `metadata` (its own), `id`, `ref_doc_id` (of the document that the
node is from), `empty` (the paths in `metadata` at which there is None, an empty text or an empty list), `type` (the
class of the node) and `node` (the rest of the node as JSON text).
"""

import json
from typing import Any, Final

from llama_index.core.schema import BaseNode, MetadataMode, TextNode
from llama_index.core.vector_stores.utils import metadata_dict_to_node

from vectord_client.integrations.plain import plain

TEXT_PATH: Final = "text"  # of a node in the metadata of a row


def metadata_of(node: BaseNode) -> dict[str, Any]:
    """Return the metadata of the row of a node.

    Raises:
        ValueError: the node's metadata cannot be written as JSON.
    """
    metadata = plain(node.metadata, f"metadata of node {node.node_id!r}")
    text = node.get_content(metadata_mode=MetadataMode.NONE)
    content = node.model_copy(update={"metadata": {}, "embedding": None}).model_dump(mode="json")
    if isinstance(node, TextNode):
        content["text"] = ""  # it is stored once
    row = {
        TEXT_PATH: text or None,
        "id": node.node_id,
        "ref_doc_id": node.ref_doc_id,
        "metadata": metadata,
        "empty": _empty_paths(metadata) or None,
        "type": node.class_name(),
        "node": json.dumps(content, ensure_ascii=False),
    }
    return {name: value for name, value in row.items() if value is not None}


def node_of(row: Any) -> BaseNode:
    """Return the node of a row's metadata, without its embedding.

    Raises:
        ValueError: the row was not written by this adapter.
    """
    if not isinstance(row, dict) or "node" not in row:
        raise ValueError("A row of the index has no node. It was not written through LlamaIndex: use another index.")
    node = metadata_dict_to_node({"_node_content": row["node"], "_node_type": row.get("type")})
    node.metadata = row.get("metadata", {})
    if isinstance(node, TextNode) and TEXT_PATH in row:  # rows of earlier versions have the text in the node
        node.text = row[TEXT_PATH]
    return node


def _empty_paths(metadata: dict[str, Any]) -> list[str]:
    paths: list[str] = []
    for key, value in metadata.items():
        if isinstance(value, dict):
            paths += [f"{key}.{inner}" for inner in _empty_paths(value)]
        elif value is None or value in ("", []):
            paths.append(key)
    return paths
