"""Write docs/openapi.json, the API as `GET /openapi.json` serves it."""

import json

from tools.command.paths import ROOT
from vectord.edge.openapi.document import document

TARGET = ROOT / "docs/openapi.json"


def text() -> str:
    """Return what the file has to hold."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text())
