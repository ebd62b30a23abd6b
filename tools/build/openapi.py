"""`make openapi`: write docs/openapi.json, the document that `GET /openapi.json` returns."""

import json

from tools.command.paths import ROOT
from vectord.edge.openapi.document import document

TARGET = ROOT / "docs/openapi.json"


def text() -> str:
    """Return the content that the file must have."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text())
