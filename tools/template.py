"""What template.yaml declares. As a command, it refuses a runtime that SAM's own linter lets pass."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tools.errors import GateFailed
from tools.paths import TEMPLATE
from tools.run import run_tool

RUNTIME = "python3.12"

type Resource = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms (!Ref, !Sub, ...) as plain values; nothing here evaluates them."""


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
    """Give name and body of each resource of a type."""
    for name, resource in template["Resources"].items():
        if resource["Type"] == kind:
            yield name, resource


def routes(template: Resource) -> set[str]:
    """Give the routes that the functions declare, each as API Gateway's key: `POST /indexes`."""
    return {
        f"{event['Properties']['Method'].upper()} {event['Properties']['Path']}"
        for _, function in resources(template, "AWS::Serverless::Function")
        for event in function["Properties"].get("Events", {}).values()
        if event["Type"] == "HttpApi"
    }


def wrong_runtimes(template: Resource) -> list[str]:
    """Name each function and layer that would not run on, or be built for, the one runtime of the house."""
    default = template.get("Globals", {}).get("Function", {}).get("Runtime")
    found = {
        name: [function["Properties"].get("Runtime", default)]
        for name, function in resources(template, "AWS::Serverless::Function")
    }
    for name, layer in resources(template, "AWS::Serverless::LayerVersion"):
        found[name] = [layer.get("Metadata", {}).get("BuildMethod"), *layer["Properties"].get("CompatibleRuntimes", [])]
    return [f"{name}: {runtimes}" for name, runtimes in found.items() if set(runtimes) != {RUNTIME}]


def _check(_folder: Path) -> None:
    wrong = wrong_runtimes(load(TEMPLATE))
    if wrong:
        raise GateFailed(f"{TEMPLATE.name} must name {RUNTIME} everywhere, but has " + "; ".join(wrong))
    print(f"{TEMPLATE.name}: every function and layer is for {RUNTIME}")


if __name__ == "__main__":
    sys.exit(run_tool(_check))
