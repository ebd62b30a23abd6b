"""template.yaml as data: which function answers which route."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


class _Loader(yaml.CSafeLoader):
    """Reads CloudFormation's short forms, such as !Ref and !Sub, as the values behind them."""


def _short_form(loader: _Loader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _short_form)


def resources(kind: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the properties of every resource of `kind`, by its name."""
    return {
        name: resource.get("Properties", {})
        for name, resource in _template()["Resources"].items()
        if resource["Type"] == kind
    }


@cache
def _template() -> Any:
    return yaml.load((ROOT / "template.yaml").read_text(), _Loader)


@cache
def routes() -> Mapping[str, Path]:
    """Return the folder of the function behind each route of the API: `GET /indexes` -> functions/describe."""
    return {
        f"{event['Method'].upper()} {event['Path']}": folder for event, folder in _http_events() if "Method" in event
    }


def native_routes() -> Mapping[str, Path]:
    """Return the routes of the native API: all but those of the API of Amazon S3 Vectors."""
    return {route: folder for route, folder in routes().items() if folder.name != "s3vectors"}


def default_function() -> Path:
    """Return the folder of the function behind `$default`, the route of all requests that have no other route."""
    [folder] = [folder for event, folder in _http_events() if "Method" not in event]
    return folder


def _http_events() -> Iterator[tuple[Mapping[str, Any], Path]]:
    for properties in resources("AWS::Serverless::Function").values():
        for event in properties.get("Events", {}).values():
            if event["Type"] == "HttpApi":
                yield event["Properties"], ROOT / properties["CodeUri"]
