"""What template.yaml declares. As a command, it refuses a runtime that SAM's own linter accepts."""

import json
import os
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tools.command.errors import GateFailed
from tools.command.paths import BUILD, BUILT_TEMPLATE, TEMPLATE
from tools.command.run import run_tool

RUNTIME = "python3.12"
DEFAULT = "$default"
PREFLIGHT = "OPTIONS /{proxy+}"  # only with CORS, and not an event of a function
ANY_METHOD = "x-amazon-apigateway-any-method"
_FOLDERS = {"CodeUri", "ContentUri"}

type Resource = dict[str, Any]


class _Loader(yaml.CSafeLoader):
    """Reads CloudFormation's short forms (!Ref, !Sub, ...) as plain values, without evaluating them."""


def _plain(loader: yaml.Loader, _tag: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


_Loader.add_multi_constructor("!", _plain)


def load(path: Path) -> Resource:
    """Read a template."""
    template: Resource = yaml.load(path.read_text(), _Loader)
    return template


def resources(template: Resource, kind: str) -> Iterator[tuple[str, Resource]]:
    """Yield name and body of each resource of a type."""
    for name, resource in template["Resources"].items():
        if resource["Type"] == kind:
            yield name, resource


def routes(template: Resource) -> set[str]:
    """Return the routes that the functions declare, each as API Gateway's route key: `POST /indexes`, `$default`."""
    return {
        route_key(event["Properties"].get("Method", ANY_METHOD), event["Properties"].get("Path", DEFAULT))
        for _, function in resources(template, "AWS::Serverless::Function")
        for event in function["Properties"].get("Events", {}).values()
        if event["Type"] == "HttpApi"
    }


def route_key(method: str, path: str) -> str:
    """Return API Gateway's key of a route; `$default` is the key of the route of all requests without another."""
    return DEFAULT if (method, path) == (ANY_METHOD, DEFAULT) else f"{method.upper()} {path}"


def wrong_runtimes(template: Resource) -> list[str]:
    """Return each function and layer that is not for `RUNTIME`, with the runtimes that it names."""
    default = template.get("Globals", {}).get("Function", {}).get("Runtime")
    found = {
        name: [function["Properties"].get("Runtime", default)]
        for name, function in resources(template, "AWS::Serverless::Function")
    }
    for name, layer in resources(template, "AWS::Serverless::LayerVersion"):
        found[name] = [layer.get("Metadata", {}).get("BuildMethod"), *layer["Properties"].get("CompatibleRuntimes", [])]
    return [f"{name}: {runtimes}" for name, runtimes in found.items() if set(runtimes) != {RUNTIME}]


def unsupported() -> list[str]:
    """Return the alarms over metric math: MiniStack rejects a whole stack that has one of them."""
    alarms = resources(load(BUILT_TEMPLATE), "AWS::CloudWatch::Alarm")
    return [name for name, alarm in alarms if "Metrics" in alarm["Properties"]]


def write_deployable(folder: Path, layer: Path | None = None) -> Path:
    """Write the built template for MiniStack into `folder`: with archives for folders, without unsupported resources.

    A folder `layer` replaces the built layer.
    """
    built = load(BUILT_TEMPLATE)
    for name in unsupported():
        del built["Resources"][name]
    for _, mapping in resources(built, "AWS::Lambda::EventSourceMapping"):
        # MiniStack compares the text of a parameter with a number, fails, and polls no queue at all.
        mapping["Properties"].pop("ScalingConfig", None)
    for name, resource in built["Resources"].items():
        for key in _FOLDERS & resource["Properties"].keys():
            source = layer if layer and name == "Layer" else BUILD / resource["Properties"][key]
            resource["Properties"][key] = str(_archive(source, folder / f"{name}.zip"))
    path = folder / "template.json"
    path.write_text(json.dumps(built))
    return path


def _archive(source: Path, target: Path) -> Path:
    """Write a folder as a zip file, the same bytes for the same content, and return its path.

    It is not compressed. SAM would do that for each deployment, in 8 s of processor time on loopback for nothing.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(path.relative_to(source)))
            entry.external_attr = (0o755 if os.access(path, os.X_OK) else 0o644) << 16
            with path.open("rb") as content, archive.open(entry, "w") as stored:
                shutil.copyfileobj(content, stored)
    return target


def _check(_folder: Path) -> None:
    wrong = wrong_runtimes(load(TEMPLATE))
    if wrong:
        raise GateFailed(f"{TEMPLATE.name} must name {RUNTIME} everywhere, but has " + "; ".join(wrong))
    print(f"{TEMPLATE.name}: every function and layer is for {RUNTIME}")


if __name__ == "__main__":
    sys.exit(run_tool(_check))
