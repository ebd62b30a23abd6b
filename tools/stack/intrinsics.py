"""Evaluate a CloudFormation template for given parameters: conditions and the intrinsic functions that ours uses."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tools.stack.template import Resource

type Reference = Callable[[str, str | None], str]

PSEUDO = {
    "AWS::AccountId": "000000000000",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "vectord",
    "AWS::URLSuffix": "amazonaws.com",
}

_ABSENT = object()  # AWS::NoValue, which removes the property or the item that has this value


class Intrinsics:
    """Evaluates values of one template; `reference` resolves a resource (name, None) or an attribute (name, "Arn")."""

    def __init__(self, template: Resource, parameters: Mapping[str, str], reference: Reference) -> None:
        declared = template["Parameters"]
        self._values: dict[str, Any] = dict(PSEUDO)
        for name, parameter in declared.items():
            given = str(parameters.get(name, parameter.get("Default")))
            self._values[name] = given.split(",") if parameter["Type"] == "CommaDelimitedList" else given
        self._conditions, self._reference = template["Conditions"], reference
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._attribute,
            "Fn::If": self._if,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Sub": self._sub,
        }

    def resolve(self, value: Any) -> Any:
        """Return a value of the template with every intrinsic function in it evaluated."""
        if isinstance(value, list):
            return [found for item in value if (found := self.resolve(item)) is not _ABSENT]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name in self._functions:
                return self._functions[name](argument)
        return {name: found for name, item in value.items() if (found := self.resolve(item)) is not _ABSENT}

    def holds(self, condition: str) -> bool:
        """Return True if a condition of the template is true."""
        return self._holds(self._conditions[condition])

    def _holds(self, condition: Any) -> bool:
        [(name, argument)] = condition.items()
        if name == "Fn::Equals":
            left, right = (str(self.resolve(side)) for side in argument)
            return left == right
        if name == "Fn::Not":
            return not self._holds(argument[0])
        raise ValueError(f"the template uses {name} in a condition, which the local stack cannot evaluate")

    def _if(self, argument: Any) -> Any:
        condition, then, otherwise = argument
        return self.resolve(then if self.holds(condition) else otherwise)

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _ABSENT
        return self._values[name] if name in self._values else self._reference(name, None)

    def _attribute(self, argument: Any) -> str:
        name, attribute = argument.split(".") if isinstance(argument, str) else argument
        return self._reference(name, attribute)

    def _join(self, argument: Any) -> str:
        separator, parts = argument
        return str(separator).join(self.resolve(parts))

    def _select(self, argument: Any) -> Any:
        position, items = argument
        return self.resolve(items)[int(position)]

    def _sub(self, argument: Any) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else argument

        def value(found: re.Match[str]) -> str:
            name = found[1]
            if name in given:
                return str(self.resolve(given[name]))
            return self._attribute(name) if "." in name else str(self._ref(name))

        return re.sub(r"\$\{([\w.:]+)\}", value, text)
