"""The API in OpenAPI 3.1, made from the types that bodies, query strings and answers are decoded from and encoded as.

No handler imports it at its start: it is for those who ask for the document.
"""

from vectord.edge.openapi.document import document

__all__ = ["document"]
