"""botocore's model of S3 Vectors: every operation, shape and error of it is as the model says."""

import gzip
import importlib.util
import json
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, TypeAliasType, Union, get_args, get_origin, get_type_hints

import botocore
import msgspec
import pytest

from tests.support import template
from vectord import errors
from vectord.edge import problems
from vectord.edge.s3vectors import faults, management_shapes, vector_shapes
from vectord.edge.s3vectors.constraints import OneOf
from vectord.edge.s3vectors.shapes import Answer, EmptyOutput, Shape

ROOT = Path(__file__).parents[4]
FILE = Path(botocore.__file__).parent / "data/s3vectors/2025-07-15/service-2.json.gz"
MODEL = json.loads(gzip.decompress(FILE.read_bytes()))
OPERATIONS = sorted(MODEL["operations"])
STRUCTS: dict[str, type[msgspec.Struct]] = {
    name: value
    for module in (management_shapes, vector_shapes)
    for name, value in vars(module).items()
    if isinstance(value, type) and issubclass(value, Shape | Answer)
}
ANYTHING = "anything"  # JSON that is checked where it is used: metadata, filters and components of vectors
NAMES = {"GetOutputVector": "OutputVector", "ListOutputVector": "OutputVector", "VectorData": "OutputVectorData"}


def of_model(name: str) -> Any:
    """Describe a shape of the model."""
    shape = MODEL["shapes"][name]
    limits, kind = (shape.get("min"), shape.get("max")), shape["type"]
    if "enum" in shape:
        found: Any = ("enum", tuple(shape["enum"]))
    elif shape.get("document") or (kind == "list" and shape["member"]["shape"] == "Float"):
        found = ANYTHING
    elif kind == "list":
        found = ("list", *limits, of_model(shape["member"]["shape"]))
    elif kind == "map":
        found = ("map", of_model(shape["key"]["shape"]), of_model(shape["value"]["shape"]))
    else:
        found = name if kind == "structure" else (kind, *limits)
    return found


def of_hint(hint: Any, constraint: Any = None) -> Any:
    """Describe the type of a struct's field in the same way."""
    limits = (getattr(constraint, "least", None), getattr(constraint, "most", None))
    arguments = [one for one in get_args(hint) if one is not NoneType]
    if isinstance(hint, TypeAliasType):
        found: Any = of_hint(hint.__value__)
    elif get_origin(hint) in (Annotated, Union, UnionType):
        found = of_hint(*arguments)
    elif isinstance(constraint, OneOf):
        found = ("enum", constraint.values)
    elif get_origin(hint) is list:
        found = ("list", *limits, of_hint(arguments[0]))
    elif get_origin(hint) is dict:
        found = ("map", *map(of_hint, arguments))
    elif issubclass(hint, msgspec.Struct):
        found = hint.__name__
    else:
        kinds = {str: "string", int: "integer", bool: "boolean"}
        found = ANYTHING if hint is msgspec.Raw else (kinds[hint], *limits)
    return found


def in_bodies(name: str) -> dict[str, Any]:
    """Return the members of a shape that are in a body, not in a path or a query string."""
    members = MODEL["shapes"][name]["members"]
    return {member: value for member, value in members.items() if "location" not in value}


INPUTS = sorted(
    {operation["input"]["shape"] for operation in MODEL["operations"].values()}
    | {name for name in MODEL["shapes"] if issubclass(STRUCTS.get(name, Answer), Shape)}
)


@pytest.mark.parametrize("name", [name for name in INPUTS if in_bodies(name)])
def test_a_request_has_the_members_and_limits_of_the_model(name: str) -> None:
    struct = STRUCTS[name]
    hints, fields = get_type_hints(struct, include_extras=True), msgspec.structs.fields(struct)
    assert {field.encode_name: of_hint(hints[field.name]) for field in fields} == {
        member: of_model(value["shape"]) for member, value in in_bodies(name).items()
    }
    required = {field.encode_name for field in fields if field.required}
    assert required == set(MODEL["shapes"][name].get("required", ())) & set(in_bodies(name))


def of_output(hint: Any) -> set[type[msgspec.Struct]]:
    """Return the structs of this protocol in the type of a field."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return {hint} if issubclass(hint, Answer) else set()
    return set().union(*map(of_output, get_args(hint)))


def check_output(name: str, struct: type[msgspec.Struct]) -> None:
    members, fields = MODEL["shapes"][name]["members"], msgspec.structs.fields(struct)
    shown = {field.encode_name for field in fields}
    assert shown == set(members)
    required = {field.encode_name for field in fields if field.required}
    assert set(MODEL["shapes"][name].get("required", ())) <= required | ({"float32"} if name == "VectorData" else set())
    for field, hint in get_type_hints(struct).items():
        for inner in of_output(hint):
            encoded = next(one.encode_name for one in fields if one.name == field)
            shape = MODEL["shapes"][members[encoded]["shape"]]
            inner_name = shape["member"]["shape"] if shape["type"] == "list" else members[encoded]["shape"]
            assert inner.__name__ == NAMES.get(inner_name, inner_name)
            check_output(inner_name, inner)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_answer_has_the_members_of_the_model(operation: str) -> None:
    name = MODEL["operations"][operation]["output"]["shape"]
    check_output(name, STRUCTS[name] if MODEL["shapes"][name]["members"] else EmptyOutput)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_is_a_route_of_the_function(operation: str) -> None:
    http = MODEL["operations"][operation]["http"]
    route = f"{http['method']} {http['requestUri'].replace('{resourceArn}', '{resourceArn+}')}"
    assert template.routes()[route].name == "s3vectors"
    assert route in routes()


def routes() -> Any:
    spec = importlib.util.spec_from_file_location("s3vectors_handler", ROOT / "functions/s3vectors/handler.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ROUTES


def test_no_route_is_missing_in_the_model() -> None:
    assert len(routes()) == len(OPERATIONS)


def subclasses(base: type[errors.VectordError]) -> list[type[errors.VectordError]]:
    return [kind for one in base.__subclasses__() for kind in (one, *subclasses(one))]


@pytest.mark.parametrize("kind", subclasses(errors.VectordError), ids=lambda kind: kind.__name__)
def test_every_error_is_answered_as_one_of_the_model(kind: type[errors.VectordError]) -> None:
    found = faults.fault(kind.__new__(kind))
    shape = MODEL["shapes"][found.name]
    assert found.status == shape.get("error", {"httpStatusCode": 400})["httpStatusCode"]


LEAVES = [kind for kind in subclasses(errors.VectordError) if not kind.__subclasses__()]


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_an_error_counts_as_a_failure_of_the_service_if_its_answer_says_so(kind: type[errors.VectordError]) -> None:
    error = kind.__new__(kind)
    assert problems.is_failure(error) is (faults.fault(error).status >= 500)
