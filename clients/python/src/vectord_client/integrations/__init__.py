"""Adapters: an index as the document store of LangChain, Haystack and LlamaIndex."""
