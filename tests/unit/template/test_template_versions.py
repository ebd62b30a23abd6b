"""The alias of search: a new version is published exactly when code, layer or configuration of the function change."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployed import Deployed
from tools.build import release
from tools.command.paths import TEMPLATE
from tools.stack.template import load

PARAMETERS: dict[str, dict[str, Any]] = load(TEMPLATE)["Parameters"]
NOT_IN_A_VERSION = {"ReservedConcurrentExecutions"}  # a property of the function, not of its versions


@cache
def deployed(*changed: tuple[str, str]) -> Deployed:
    return Deployed(dict(changed))


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
def test_a_parameter_publishes_a_version_exactly_if_it_changes_the_configuration_of_search(parameter: str) -> None:
    before, after = deployed(), deployed((parameter, another_value(PARAMETERS[parameter])))
    assert (version(after) != version(before)) == (configuration(after) != configuration(before))


@pytest.mark.parametrize(
    "parameter", ["AccessClaim", "Architecture", "MemorySize", "Prefix", "SnapStart", "TmpSize", "Tracing"]
)
def test_a_parameter_of_the_configuration_of_search_publishes_a_version(parameter: str) -> None:
    assert version(deployed((parameter, another_value(PARAMETERS[parameter])))) != version(deployed())


def test_the_same_template_and_parameters_publish_no_version() -> None:
    assert version(Deployed({})) == version(deployed())


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
    assert version(after) != version(deployed())
    assert configuration(after)["Layers"] != configuration(deployed())["Layers"]


def test_the_description_of_search_ends_with_the_release() -> None:
    function = deployed().all("AWS::Lambda::Function")["SearchFunction"]
    assert function["Description"].split()[-2:] == ["release", release.PLACEHOLDER]


def test_the_description_of_search_is_as_short_as_lambda_requires() -> None:
    longest = deployed(("AccessClaim", "x" * 200), ("Prefix", "x" * 500))
    assert len(configuration(longest)["Description"]) <= 256


def test_old_versions_are_retained() -> None:
    [published] = deployed().whole("AWS::Lambda::Version").values()
    assert published["DeletionPolicy"] == "Retain"
