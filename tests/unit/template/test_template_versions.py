"""The alias of search: a new version is published exactly when code, layer or configuration of the function change."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployed import Deployed
from tools.build import release
from tools.command.paths import TEMPLATE
from tools.stack.template import load

pytestmark = pytest.mark.slow

PARAMETERS: dict[str, dict[str, Any]] = load(TEMPLATE)["Parameters"]
NOT_IN_A_VERSION = {"ReservedConcurrentExecutions"}  # a property of the function, not of its versions


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The search function and its layer without the rest of the template, which SAM translates four times as fast."""
    from samtranslator.yaml_helper import yaml_parse  # takes two seconds

    template = yaml_parse(TEMPLATE.read_text())
    template["Resources"] = {name: template["Resources"][name] for name in ("SearchFunction", "Layer")}
    del template["Resources"]["SearchFunction"]["Properties"]["Events"], template["Outputs"]
    path = tmp_path_factory.mktemp("template") / "template.json"
    path.write_text(json.dumps(template))
    return path


@cache
def deployed(template: Path, *changed: tuple[str, str]) -> Deployed:
    return Deployed(dict(changed), template)


def version(stack: Deployed) -> str:
    """Return the logical id of the version that the alias points to."""
    [name] = stack.whole("AWS::Lambda::Version")
    assert stack.one("AWS::Lambda::Alias")["FunctionVersion"] == f"{name}.Version"
    return name


def configuration(stack: Deployed) -> dict[str, Any]:
    """Return what Lambda compares with the latest version before it publishes another one."""
    function = stack.all("AWS::Lambda::Function")["SearchFunction"]
    return {name: value for name, value in function.items() if name not in NOT_IN_A_VERSION}


def another_value(declared: dict[str, Any]) -> str:
    """Return an allowed value of a parameter that is not its default."""
    default = str(declared["Default"])
    if "AllowedValues" in declared:
        return next((str(value) for value in declared["AllowedValues"] if str(value) != default), "x")
    return str(int(default) + 1) if declared["Type"] == "Number" else f"{default}x"


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_a_parameter_publishes_a_version_exactly_if_it_changes_the_configuration_of_search(
    alone: Path, parameter: str
) -> None:
    before, after = deployed(alone), deployed(alone, (parameter, another_value(PARAMETERS[parameter])))
    assert (version(after) != version(before)) == (configuration(after) != configuration(before))


@pytest.mark.parametrize(
    "parameter", ["AccessClaim", "Architecture", "MemorySize", "Prefix", "SnapStart", "TmpSize", "Tracing"]
)
def test_a_parameter_of_the_configuration_of_search_publishes_a_version(alone: Path, parameter: str) -> None:
    assert version(deployed(alone, (parameter, another_value(PARAMETERS[parameter])))) != version(deployed(alone))


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_a_default_that_is_given_publishes_no_version(alone: Path, parameter: str) -> None:
    assert version(deployed(alone, (parameter, str(PARAMETERS[parameter]["Default"])))) == version(deployed(alone))


def test_the_same_build_publishes_no_version(tmp_path: Path) -> None:
    copied = tmp_path / "template.yaml"
    copied.write_text(TEMPLATE.read_text())
    assert version(Deployed({}, copied)) == version(deployed(TEMPLATE))


def test_another_build_publishes_a_version(tmp_path: Path) -> None:
    """Only the layer differs, and `sam package` is supposed to store it under the same key."""
    builds = [tmp_path / "one", tmp_path / "two"]
    for build in builds:
        (build / "Layer").mkdir(parents=True)
        (build / "Layer/module.py").write_text(f"name = '{build.name}'")
        (build / "template.yaml").write_text(TEMPLATE.read_text())
        release.write(build)
    one, two = (Deployed({}, build / "template.yaml") for build in builds)
    assert version(one) != version(two)
    assert configuration(one) != configuration(two)


def test_another_key_of_the_layer_publishes_a_version(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE.read_text().replace("ContentUri: layers/vectord", "ContentUri: s3://artifacts/another"))
    after = Deployed({}, path)
    assert version(after) != version(deployed(TEMPLATE))
    assert configuration(after)["Layers"] != configuration(deployed(TEMPLATE))["Layers"]


def test_the_description_of_search_ends_with_the_release() -> None:
    function = deployed(TEMPLATE).all("AWS::Lambda::Function")["SearchFunction"]
    assert function["Description"].split()[-2:] == ["release", release.PLACEHOLDER]


def test_the_description_of_search_is_as_short_as_lambda_requires(alone: Path) -> None:
    longest = deployed(alone, ("AccessClaim", "x" * 200), ("Prefix", "x" * 500))
    assert len(configuration(longest)["Description"]) <= 256


def test_old_versions_are_retained() -> None:
    [published] = deployed(TEMPLATE).whole("AWS::Lambda::Version").values()
    assert published["DeletionPolicy"] == "Retain"
