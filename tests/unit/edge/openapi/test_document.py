"""The OpenAPI document: made from the code, complete, and what docs/api.md says."""

import json
import re
import subprocess
import sys
from typing import Any

import jsonschema
import msgspec
import pytest

from tests.support import template
from tests.support.examples import Section, sections
from tools import openapi
from vectord.edge.openapi.document import NewVector, document
from vectord.edge.openapi.operations import OPERATIONS, Operation
from vectord.edge.problems import KINDS
from vectord.readers.entry import VectorJson

SECTIONS = {
    route: section for section in sections((template.ROOT / "docs/api.md").read_text()) for route in section.routes
}


def _told(operation: Operation) -> tuple[Operation, Section]:
    return operation, SECTIONS[operation.route]


by_operation = pytest.mark.parametrize(
    ("operation", "section"),
    [_told(operation) for operation in OPERATIONS],
    ids=[operation.route for operation in OPERATIONS],
)


def test_the_file_is_what_the_code_makes() -> None:
    assert openapi.TARGET.read_text() == openapi.text(), "run make openapi"


def test_it_has_every_route_of_the_template() -> None:
    assert sorted(operation.route for operation in OPERATIONS) == sorted(template.routes())


def test_every_schema_is_one() -> None:
    for name, schema in document()["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema.get("description", "") != name


def test_every_reference_leads_somewhere() -> None:
    schemas = document()["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document()))) <= schemas.keys()


@by_operation
def test_an_operation_is_called_as_its_section_is(operation: Operation, section: Section) -> None:
    assert operation.title == section.title


@by_operation
def test_a_section_lists_the_problems_of_its_operation(operation: Operation, section: Section) -> None:
    told = re.findall(r"Problems:\s(.*?)\.\n", section.text, re.DOTALL)
    assert set(re.findall(r"`([a-z-]+-[a-z-]+)`", " ".join(told))) == {
        KINDS[error].slug for error in operation.problems if KINDS[error].slug != "malformed-json"
    }


@by_operation
def test_a_section_names_every_field_and_parameter(operation: Operation, section: Section) -> None:
    kinds = [kind for kind in (operation.body, operation.query) if kind]
    asked = [field for kind in kinds for field in kind.__struct_fields__]
    assert [name for name in asked if not re.search(rf"`{name}\??`", section.text)] == []


def test_the_item_of_a_batch_is_described_as_it_is_decoded() -> None:
    def shape(kind: type[msgspec.Struct]) -> Any:
        return [(field.name, field.required) for field in msgspec.structs.fields(kind)]

    assert shape(NewVector) == shape(VectorJson)


def test_a_search_does_not_load_what_makes_it() -> None:
    code = "import sys, handler; print([name for name in sys.modules if name.startswith('vectord.edge.openapi')])"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=template.ROOT / "functions/search",
        env={"PYTHONPATH": str(template.ROOT / "layers/vectord")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "[]\n"
