"""The functions of the built template, each as Lambda would set it up, and the event that stands for its calls."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import template
from tools.errors import GateFailed, StackFailed
from tools.paths import BUILD, BUILT_TEMPLATE, EVENTS

type Json = dict[str, Any]


@dataclass(frozen=True)
class Function:
    """One built function; `layers` are folders that hold a `python` folder, in the order of their mounting."""

    name: str
    folder: Path
    handler: str
    timeout: int
    memory: int
    layers: tuple[Path, ...]
    variables: Mapping[str, object]  # as declared: a value, or what it is to be computed from

    @property
    def verb(self) -> str:
        """What it does, and what its event is called: SearchFunction is `search`."""
        return self.name.removesuffix("Function").lower()


def built() -> dict[str, Function]:
    """Read the functions from the built template, by their verbs."""
    if not BUILT_TEMPLATE.exists():
        raise StackFailed("nothing is built yet: run make build")
    found = template.load(BUILT_TEMPLATE)
    functions = [_function(name, body["Properties"], found) for name, body in _declared(found)]
    return {function.verb: function for function in functions}


def event(verb: str) -> Json:
    """Read the event of a function."""
    path = EVENTS / f"{verb}.json"
    if not path.exists():
        raise GateFailed(
            f"there is no {path.relative_to(EVENTS.parent)}: each function has an event that it is run with"
        )
    content: Json = json.loads(path.read_text())
    return content


def _declared(found: template.Resource) -> Iterator[tuple[str, template.Resource]]:
    return template.resources(found, "AWS::Serverless::Function")


def _function(name: str, own: template.Resource, found: template.Resource) -> Function:
    """Join what a function says with what all say: lists and maps are merged, as SAM does it."""
    shared = found["Globals"]["Function"]
    settings = shared | own
    layers = [*shared.get("Layers", []), *own.get("Layers", [])]
    variables = {**_variables(shared), **_variables(own)}
    return Function(
        name,
        BUILD / settings["CodeUri"],
        settings["Handler"],
        int(_value(settings["Timeout"], found)),
        int(_value(settings["MemorySize"], found)),
        tuple(BUILD / found["Resources"][layer["Ref"]]["Properties"]["ContentUri"] for layer in layers),
        variables,
    )


def _variables(settings: template.Resource) -> Mapping[str, object]:
    variables: Mapping[str, object] = settings.get("Environment", {}).get("Variables", {})
    return variables


def _value(written: Any, found: template.Resource) -> Any:
    """Give a plain value, or the default of the parameter that it refers to."""
    return found["Parameters"][written["Ref"]]["Default"] if isinstance(written, dict) else written
