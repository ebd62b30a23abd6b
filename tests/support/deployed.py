"""template.yaml as CloudFormation works on it: transformed by SAM's own translator, evaluated for given parameters."""

import json
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from tools.stack.intrinsics import Intrinsics

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
AWS_POLICIES = "arn:aws:iam::aws:policy/"


class Deployed:
    """The resources that a deployment makes; references to one read `Name`, to its attributes `Name.Attribute`."""

    def __init__(self, parameters: Mapping[str, str], template: Path = TEMPLATE) -> None:
        self._parameters, self._template = parameters, template

    @cached_property
    def _resources(self) -> dict[str, dict[str, Any]]:
        processed = _processed(tuple(sorted(self._parameters.items())), self._template)
        values = Intrinsics(
            processed, self._parameters, lambda name, attribute: f"{name}.{attribute}" if attribute else name
        )
        return {
            name: values.resolve(resource)
            for name, resource in processed["Resources"].items()
            if "Condition" not in resource or values.holds(resource["Condition"])
        }

    def whole(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return every resource of a type, with the attributes beside its properties."""
        return {name: resource for name, resource in self._resources.items() if resource["Type"] == kind}

    def all(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the properties of every resource of a type."""
        return {name: resource["Properties"] for name, resource in self.whole(kind).items()}

    def one(self, kind: str) -> dict[str, Any]:
        """Return the properties of the only resource of a type."""
        [properties] = self.all(kind).values()
        return properties

    def rights(self, function: str) -> set[tuple[str, str]]:
        """Return what a function's role allows: each action with the resource it is allowed on."""
        role = self.all("AWS::IAM::Role")[f"{function}Role"]
        beside = [one for one in self.all("AWS::IAM::Policy").values() if f"{function}Role" in one["Roles"]]
        statements = [one for policy in (*role["Policies"], *beside) for one in policy["PolicyDocument"]["Statement"]]
        assert {statement["Effect"] for statement in statements} == {"Allow"}
        return {
            (action, resource)
            for statement in statements
            for action in _listed(statement["Action"])
            for resource in _listed(statement["Resource"])
        }

    def managed(self, function: str) -> set[str]:
        """Return the names of the policies of AWS's own that a function's role has."""
        arns = self.all("AWS::IAM::Role")[f"{function}Role"].get("ManagedPolicyArns", [])
        return {arn.removeprefix(AWS_POLICIES) for arn in arns}


# Another value than the default for parameters that do not depend on each other: a translation takes 0.3 s.
OTHER = Deployed(
    {
        "Architecture": "arm64",
        "IngestConcurrency": "7",
        "LogRetentionDays": "90",
        "MaxShards": "12",
        "MemorySize": "2304",
        "Prefix": "own/place",
        "ProvisionedConcurrency": "2",
        "TlsOnly": "false",
        "TmpSize": "2048",
        "Tracing": "Active",
        "UploadDays": "365",
        "VersionDays": "30",
    }
)


@cache
def _processed(parameters: tuple[tuple[str, str], ...], path: Path) -> Any:
    """Return the template after SAM's translator, which takes two seconds to import."""
    import boto3
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    template = json.loads(_template(path))
    for resource in template["Resources"].values():
        for folder in {"CodeUri", "ContentUri"} & resource["Properties"].keys():
            if not resource["Properties"][folder].startswith("s3://"):
                resource["Properties"][folder] = "s3://artifacts/key"  # where `sam package` would have put it
    account = boto3.session.Session(region_name="us-east-1")
    return Translator({}, Parser(), boto_session=account).translate(template, dict(parameters))


@cache
def _template(path: Path) -> str:
    """Return the template in JSON, as `sam build` writes it: no node is shared."""
    from samtranslator.yaml_helper import yaml_parse

    return json.dumps(yaml_parse(path.read_text()))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
