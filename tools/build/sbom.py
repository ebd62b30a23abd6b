"""Write the bill of materials of the built layers: `make sbom`, CycloneDX 1.6 in JSON.

`cyclonedx-py` lists the distributions in the layers with their licenses and dependencies. It does not know which files
pip was allowed to install, nor which native code was compiled, so this module adds the pinned sha256 hashes and the
shared libraries to each component, and fails if the build differs from the pins. A library of no distribution, such as
the native kernel, is a part of vectord itself. The same build gives the same bytes.
"""

import hashlib
import json
import os
import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import Distribution, PackagePath, distributions
from pathlib import Path
from typing import Any

from tools.command import console, processes
from tools.command.errors import GateFailed, Missing
from tools.command.paths import BUILD, ROOT
from tools.command.run import environment, run_tool
from tools.env import pins
from tools.env.pins import Pin

OUTPUT = BUILD.parent / "sbom.cdx.json"
LAYERS = ("Layer", "FilesLayer")
_CYCLONEDX = Path(sys.executable).with_name("cyclonedx-py")

type Json = dict[str, Any]


def write(folder: Path) -> None:
    """Write the bill of materials of .aws-sam/build."""
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415  takes two seconds

    layers = [BUILD / layer / "python" for layer in LAYERS]
    if missing := [layer for layer in layers if not layer.is_dir()]:
        raise Missing(f"{missing[0]} does not exist; `make sbom` builds it first")
    with console.step("sbom", "what ships, as CycloneDX 1.6") as step:
        bill = bill_of_materials(layers, pins.shipped(), folder)
        text = json.dumps(bill, indent=2) + "\n"
        if invalid := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
            raise GateFailed(f"the bill of materials does not match CycloneDX's schema: {invalid}")
        OUTPUT.write_text(text, encoding="utf-8")
        step.note = f"{len(bill['components'])} components in {OUTPUT.relative_to(ROOT)}"


def bill_of_materials(layers: Sequence[Path], pinned: Iterable[Pin], folder: Path) -> Json:
    """Return the bill of materials of the distributions in `layers`; `folder` is for temporary files.

    Raises:
        GateFailed: the build has a distribution that is not pinned in that version, or lacks one that is pinned.
    """
    pin_of = {pin.purl: pin for pin in pinned}
    built = {_purl(each): each for each in distributions(path=list(map(str, layers)))}
    if differing := built.keys() ^ pin_of.keys():
        raise GateFailed(f"either pinned or built, but not both: {', '.join(sorted(differing))}")
    bill = _listed(layers, folder)
    for component in bill["components"]:
        _complete(component, pin_of[component["purl"]], built[component["purl"]])
    root = bill["metadata"]["component"]
    root["components"] = [_file(name, path) for name, path in sorted(_own_libraries(layers, built.values()))]
    contained = [component["bom-ref"] for component in bill["components"]]
    others = [entry for entry in bill["dependencies"] if entry["ref"] != root["bom-ref"]]
    bill["dependencies"] = [*others, {"ref": root["bom-ref"], "dependsOn": contained}]
    serial = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps([root, bill["components"]], sort_keys=True))
    return bill | {"serialNumber": f"urn:uuid:{serial}"}


def _listed(layers: Sequence[Path], folder: Path) -> Json:
    """Return cyclonedx-py's bill for an interpreter that finds nothing but the layers' distributions."""
    output = folder / "sbom.json"
    command = [str(_CYCLONEDX), "environment", "-S", sys.executable, "--output-reproducible", "--no-validate"]
    command += ["--spec-version", "1.6", "--output-format", "JSON", "--output-file", str(output)]
    command += ["--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "application"]
    path = os.pathsep.join(map(str, layers))
    processes.run(command, folder / "sbom.log", environment(folder) | {"PYTHONPATH": path})
    bill: Json = json.loads(output.read_text(encoding="utf-8"))
    return bill


def _complete(component: Json, pin: Pin, built: Distribution) -> None:
    """Add to a component its pinned hashes, its shared libraries, and a license that is given as free text."""
    source = {"type": "distribution", "url": pin.purl, "hashes": list(map(_sha256, pin.hashes))}
    component["externalReferences"] = [source, *component.get("externalReferences", ())]
    component["components"] = [_file(str(path), Path(path.locate())) for path in sorted(_libraries(built))]
    free_text = (built.metadata.get("License") or "unknown").splitlines()[0]
    component.setdefault("licenses", [{"license": {"name": free_text}}])


def _libraries(built: Distribution) -> Iterator[PackagePath]:
    return (path for path in built.files or [] if ".so" in path.suffixes)


def _own_libraries(layers: Sequence[Path], built: Iterable[Distribution]) -> Iterator[tuple[str, Path]]:
    """Yield the name and path of each shared library in the layers that no distribution lists."""
    listed = {Path(path.locate()) for each in built for path in _libraries(each)}
    for layer in layers:
        for path in layer.rglob("*"):
            if ".so" in path.suffixes and path not in listed:
                yield path.relative_to(layer).as_posix(), path


def _file(name: str, path: Path) -> Json:
    return {"type": "file", "name": name, "hashes": [_sha256(hashlib.sha256(path.read_bytes()).hexdigest())]}


def _sha256(content: str) -> Json:
    return {"alg": "SHA-256", "content": content}


def _purl(distribution: Distribution) -> str:
    return Pin(distribution.metadata["Name"], distribution.version).purl


if __name__ == "__main__":
    sys.exit(run_tool(write))
