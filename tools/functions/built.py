"""The functions of the built template with the settings that Lambda would give them, and the event of each."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.command.errors import GateFailed, StackFailed
from tools.command.paths import BUILD, BUILT_TEMPLATE, EVENTS
from tools.stack import template

type Json = dict[str, Any]


@dataclass(frozen=True)
class Function:
    """One built function; `layers` are folders with a `python` folder, in the order in which Lambda mounts them."""

    name: str
    folder: Path
    handler: str
    timeout: int
    memory: int
    layers: tuple[Path, ...]
    variables: Mapping[str, object]  # as declared: a value, or an intrinsic function

    @property
    def verb(self) -> str:
        """The name of its folder and its event: `search` for SearchFunction."""
        return self.name.removesuffix("Function").lower()


def built() -> dict[str, Function]:
    """Return the functions of the built template by their verbs."""
    if not BUILT_TEMPLATE.exists():
        raise StackFailed("nothing is built yet: run make build")
    found = template.load(BUILT_TEMPLATE)
    functions = [_function(name, body["Properties"], found) for name, body in _declared(found)]
    return {function.verb: function for function in functions}


def event(verb: str) -> Json:
    """Read the event of a function from events/."""
    path = EVENTS / f"{verb}.json"
    if not path.exists():
        raise GateFailed(f"{path.relative_to(EVENTS.parent)} does not exist: each function needs an event to run with")
    content: Json = json.loads(path.read_text())
    return content


def _declared(found: template.Resource) -> Iterator[tuple[str, template.Resource]]:
    return template.resources(found, "AWS::Serverless::Function")


def _function(name: str, own: template.Resource, found: template.Resource) -> Function:
    """Merge a function's own settings with the global ones as SAM does: lists and maps are joined."""
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
    """Return a plain value, or the default of the parameter that it refers to."""
    return found["Parameters"][written["Ref"]]["Default"] if isinstance(written, dict) else written
