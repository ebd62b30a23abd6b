"""Import msgspec and numpy for a function without what only documentation and older versions of Python need.

A process that has imported them already keeps them as they are: in embedded mode they belong to the caller.
docs/decisions/dependencies.md has the measurements.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

# msgspec prefers them to the same names of `typing`, and they import inspect, ast and dis.
_OF_OLDER_PYTHONS: Final[Mapping[str, ModuleType | None]] = {"typing_extensions": None}
# They only set the docstrings of functions that are written in C.
_DOCUMENTATION: Final = ("numpy._core._add_newdocs", "numpy._core._add_newdocs_scalars")
# numpy uses two functions of it for docstrings and signatures of functions in C. Powertools imports it later.
_INSPECT: Final = "inspect"


def import_msgspec() -> None:
    if "msgspec" not in sys.modules:
        with _replaced(_OF_OLDER_PYTHONS):
            import msgspec  # noqa: F401, PLC0415  for `sys.modules`, at a time of the caller


def import_numpy() -> None:
    if "numpy" not in sys.modules:
        inspect: Any = ModuleType(_INSPECT)
        inspect.cleandoc, inspect.signature = (lambda text: text), (lambda _: None)
        with _replaced({_INSPECT: inspect, **{name: ModuleType(name) for name in _DOCUMENTATION}}):
            import numpy as np  # noqa: F401, PLC0415  see `import_msgspec`


@contextmanager
def _replaced(modules: Mapping[str, ModuleType | None]) -> Iterator[None]:
    """Let the block import these modules in place of those with the same names; None refuses the import."""
    absent: dict[str, Any] = {name: module for name, module in modules.items() if name not in sys.modules}
    sys.modules.update(absent)
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
