"""Write the bill of materials of what was built: `make sbom`. CycloneDX 1.6 in JSON, the same bytes for the same build.

It lists what lies in the built layers, not what some file asks for; the hashes are those that pip was held to.
"""

import hashlib
import json
import sys
import uuid
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, PackageMetadata, distributions
from pathlib import Path
from typing import Any

from tools import console, pins
from tools.errors import GateFailed, Missing
from tools.paths import BUILD, ROOT
from tools.pins import Pin
from tools.run import run_tool

OUTPUT = BUILD.parent / "sbom.cdx.json"
LAYERS = ("Layer", "FilesLayer")
_NATIVE = ".so"


def write(_folder: Path) -> None:
    """Write the bill of what lies in .aws-sam/build."""
    folders = [BUILD / layer / "python" for layer in LAYERS]
    if missing := [folder for folder in folders if not folder.is_dir()]:
        raise Missing(f"{missing[0]} is not there; `make sbom` builds it first")
    with console.step("sbom", "what ships, as CycloneDX 1.6") as step:
        bill = bill_of_materials(folders, pins.shipped())
        OUTPUT.write_text(json.dumps(bill, indent=2) + "\n", encoding="utf-8")
        step.note = f"{len(bill['components'])} components in {OUTPUT.relative_to(ROOT)}"


def bill_of_materials(folders: Iterable[Path], pinned: Iterable[Pin]) -> dict[str, Any]:
    """Return the bill of the distributions in `folders`.

    Raises:
        GateFailed: one of them is not pinned as it is there, or one that is pinned is not there.
    """
    of_name = {pins.normal(pin.name): pin for pin in pinned}
    found = sorted((_component(held, of_name) for held in distributions(path=list(map(str, folders)))), key=_purl)
    absent = {pin.purl for pin in of_name.values()} - set(map(_purl, found))
    if absent:
        raise GateFailed(f"pinned, and not in the build: {', '.join(sorted(absent))}")
    vectord = {"type": "application", "bom-ref": "vectord", "name": "vectord", "version": pins.project_version()}
    depends = [{"ref": "vectord", "dependsOn": list(map(_purl, found))}]
    content = json.dumps([vectord, found], sort_keys=True)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, content)}",
        "version": 1,
        "metadata": {"component": vectord, "lifecycles": [{"phase": "build"}]},
        "components": found,
        "dependencies": depends,
    }


def _component(held: Distribution, pinned: Mapping[str, Pin]) -> dict[str, Any]:
    name, version = held.metadata["Name"], held.version
    pin = pinned.get(pins.normal(name))
    if pin is None or pin.version != version:
        raise GateFailed(f"{name} {version} is in the build, and not pinned as such")
    hashes = [{"alg": "SHA-256", "content": sha256} for sha256 in pin.hashes]
    return {
        "type": "library",
        "bom-ref": pin.purl,
        "name": name,
        "version": version,
        "purl": pin.purl,
        "licenses": [_license(held.metadata)],
        "externalReferences": [{"type": "distribution", "url": pin.purl, "hashes": hashes}],
        "components": _native(held),
    }


def _license(metadata: PackageMetadata) -> dict[str, Any]:
    if expression := metadata.get("License-Expression"):
        return {"expression": expression}
    for classifier in metadata.get_all("Classifier", []):
        if classifier.startswith("License :: "):
            return {"license": {"name": classifier.rpartition(" :: ")[2]}}
    return {"license": {"name": (metadata.get("License") or "unknown").splitlines()[0]}}


def _native(held: Distribution) -> list[dict[str, Any]]:
    """Return the compiled files of a distribution, with the hashes of exactly these bytes."""
    paths = [path for path in held.files or [] if _NATIVE in path.suffixes]
    return [
        {
            "type": "file",
            "name": str(path),
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_binary()).hexdigest()}],
        }
        for path in sorted(paths)
    ]


def _purl(component: Mapping[str, Any]) -> str:
    return str(component["purl"])


if __name__ == "__main__":
    sys.exit(run_tool(write))
