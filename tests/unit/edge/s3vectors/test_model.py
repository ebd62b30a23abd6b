"""botocore's model of S3 Vectors: every operation, shape and error of it is as the model says."""

import gzip
import importlib.util
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, TypeAliasType, Union, get_args, get_origin, get_type_hints

import botocore
import msgspec
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tests.support import template
from tests.support.api import Api
from tests.support.pages import text_of
from tests.support.s3vectors import ACCOUNT, ARN_PREFIX, client
from vectord import errors
from vectord.edge import problems
from vectord.edge.s3vectors import faults, outputs, shapes
from vectord.edge.s3vectors.constraints import OneOf

ROOT = Path(__file__).parents[4]
FILE = Path(botocore.__file__).parent / "data/s3vectors/2025-07-15/service-2.json.gz"
MODEL = json.loads(gzip.decompress(FILE.read_bytes()))
OPERATIONS = sorted(MODEL["operations"])
ANYTHING = "anything"  # JSON that is checked where it is used: metadata, filters and components of vectors
ABSENT = {("QueryOutputVector", "scores")}  # of a text search
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


ARN = f"{ARN_PREFIX}:bucket/media/index/films"
MEDIA, FILMS = {"vectorBucketName": "media"}, {"vectorBucketName": "media", "indexName": "films"}
ROOT_ALONE = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "s3vectors:*", "Resource": "*"}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [ROOT_ALONE]})
VECTOR = {"float32": [1.0, 0.0]}
VALID: Mapping[str, Mapping[str, Any]] = {
    "CreateIndex": {**MEDIA, "indexName": "new", "dataType": "float32", "dimension": 2, "distanceMetric": "cosine"},
    "CreateVectorBucket": {"vectorBucketName": "other"},
    "DeleteVectors": {**FILMS, "keys": ["a"]},
    "GetVectors": {**FILMS, "keys": ["a"]},
    "ListTagsForResource": {"resourceArn": ARN},
    "ListVectorBuckets": {},
    "PutVectorBucketDefaultIndexMode": {**MEDIA, "defaultIndexMode": "ENHANCED"},
    "PutVectorBucketPolicy": {**MEDIA, "policy": POLICY},
    "PutVectors": {**FILMS, "vectors": [{"key": "a", "data": VECTOR}]},
    "QueryVectors": {**FILMS, "topK": 1, "queryVector": VECTOR},
    "TagResource": {"resourceArn": ARN, "tags": {"a": "b"}},
    "UntagResource": {"resourceArn": ARN, "tagKeys": ["a"]},
    "UpdateIndexMode": {**FILMS, "indexMode": "ENHANCED"},
    "UpdateMetadataConfiguration": {**FILMS, "add": {"textSearchConfigurations": [{"metadataKey": "plot"}]}},
    **dict.fromkeys(("DeleteIndex", "GetIndex", "ListVectors"), FILMS),
    **dict.fromkeys(("DeleteVectorBucket", "GetVectorBucket", "ListIndexes"), MEDIA),
    **dict.fromkeys(("DeleteVectorBucketPolicy", "GetVectorBucketPolicy"), MEDIA),
}

INPUTS = sorted(
    {operation["input"]["shape"] for operation in MODEL["operations"].values()}
    | {name for name in MODEL["shapes"] if hasattr(shapes, name) and MODEL["shapes"][name]["type"] == "structure"}
)


@pytest.mark.parametrize("name", [name for name in INPUTS if in_bodies(name)])
def test_a_request_has_the_members_and_limits_of_the_model(name: str) -> None:
    struct = getattr(shapes, name)
    hints, fields = get_type_hints(struct, include_extras=True), msgspec.structs.fields(struct)
    assert {field.encode_name: of_hint(hints[field.name]) for field in fields} == {
        member: of_model(value["shape"]) for member, value in in_bodies(name).items()
    }
    required = {field.encode_name for field in fields if field.required}
    assert required == set(MODEL["shapes"][name].get("required", ())) & set(in_bodies(name))


def of_output(hint: Any) -> set[type[msgspec.Struct]]:
    """Return the structs of this protocol in the type of a field."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return {hint} if hint.__module__ == outputs.__name__ else set()
    return set().union(*map(of_output, get_args(hint)))


def check_output(name: str, struct: type[msgspec.Struct]) -> None:
    members, fields = MODEL["shapes"][name]["members"], msgspec.structs.fields(struct)
    shown = {field.encode_name for field in fields}
    assert shown == {member for member in members if (name, member) not in ABSENT}
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
    check_output(name, getattr(outputs, name) if MODEL["shapes"][name]["members"] else outputs.EmptyOutput)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_is_a_route_of_the_function(operation: str) -> None:
    http = MODEL["operations"][operation]["http"]
    route = f"{http['method']} {http['requestUri'].replace('{resourceArn}', '{resourceArn+}')}"
    assert template.routes()[route].name == "s3vectors"
    assert route in routes()


def stated() -> list[tuple[str, str]]:
    """Return the operations in the table of the page, and what it says about each."""
    _, _, section = text_of("docs/s3vectors.md").partition("## Operations")
    rows = re.findall(r"^\| ([A-Z]\w+(?:, [A-Z]\w+)*) \| (.+) \|$", section.partition("\n## ")[0], re.MULTILINE)
    return [(name, text) for names, text in rows for name in names.split(", ")]


def test_the_page_says_once_of_every_operation_that_it_is_served_or_why_it_is_refused() -> None:
    assert sorted(name for name, _ in stated()) == OPERATIONS
    assert [row for row in stated() if not re.match(r"served($|;| for )|refused: \w", row[1])] == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_is_refused_only_if_the_page_says_so(
    operation: str, ephemeral: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VECTORD_ARN_PREFIX", ARN_PREFIX)
    made = client(ephemeral)
    made.create_vector_bucket(vectorBucketName="media")
    made.create_index(**FILMS, dataType="float32", dimension=2, distanceMetric="cosine")
    if operation.endswith("VectorBucketPolicy"):
        made.put_vector_bucket_policy(vectorBucketName="media", policy=POLICY)
    if operation == "DeleteVectorBucket":
        made.delete_index(**FILMS)
    call = getattr(made, xform_name(operation))
    if dict(stated())[operation].startswith("served"):
        assert call(**VALID[operation])["ResponseMetadata"]["HTTPStatusCode"] == 200
    else:
        with pytest.raises(ClientError, match="ValidationException"):
            call(**VALID[operation])


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


@pytest.mark.parametrize("kind", subclasses(errors.VectordError), ids=lambda kind: kind.__name__)
def test_an_error_counts_as_a_failure_of_the_service_if_its_answer_says_so(kind: type[errors.VectordError]) -> None:
    error = kind.__new__(kind)
    assert problems.is_failure(error) is (faults.fault(error).status >= 500)
