"""The OpenAPI document is generated from the code, is complete, and agrees with docs/api.md."""

import json
import re
import subprocess
import sys
from typing import Any

import msgspec
import pytest

from tests.support import template
from tests.support.examples import Section, sections
from tools.build import openapi
from vectord.edge.openapi.document import NewVector, document
from vectord.edge.openapi.operations import OPERATIONS, Operation
from vectord.edge.problems import KINDS
from vectord.readers.entry import VectorJson

SECTIONS = {
    route: section for section in sections((template.ROOT / "docs/api.md").read_text()) for route in section.routes
}


def _with_section(operation: Operation) -> tuple[Operation, Section]:
    return operation, SECTIONS[operation.route]


by_operation = pytest.mark.parametrize(
    ("operation", "section"),
    [_with_section(operation) for operation in OPERATIONS],
    ids=[operation.route for operation in OPERATIONS],
)


def test_docs_openapi_json_is_up_to_date() -> None:
    assert openapi.TARGET.read_text() == openapi.text(), "run make openapi"


def test_the_document_has_every_route_of_the_native_api_and_no_other() -> None:
    assert sorted(operation.route for operation in OPERATIONS) == sorted(template.native_routes())


@pytest.mark.slow
def test_every_schema_is_valid() -> None:
    import jsonschema  # takes 1.6 s to import

    for name, schema in document()["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema.get("description", "") != name


def test_every_reference_resolves() -> None:
    schemas = document()["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document()))) <= schemas.keys()


@by_operation
def test_an_operation_has_the_title_of_its_section_in_the_docs(operation: Operation, section: Section) -> None:
    assert operation.title == section.title


@by_operation
def test_the_section_of_an_operation_lists_its_problems(operation: Operation, section: Section) -> None:
    listed = re.findall(r"Problems:\s(.*?)\.\n", section.text, re.DOTALL)
    assert set(re.findall(r"`([a-z-]+-[a-z-]+)`", " ".join(listed))) == {
        KINDS[error].slug for error in operation.problems if KINDS[error].slug != "malformed-json"
    }


@by_operation
def test_the_section_of_an_operation_names_every_field_and_parameter(operation: Operation, section: Section) -> None:
    kinds = [kind for kind in (operation.body, operation.query) if kind]
    names = [field for kind in kinds for field in kind.__struct_fields__]
    assert [name for name in names if not re.search(rf"`{name}\??`", section.text)] == []


def test_the_schema_of_a_vector_matches_the_type_that_decodes_it() -> None:
    def shape(kind: type[msgspec.Struct]) -> Any:
        return [(field.name, field.required) for field in msgspec.structs.fields(kind)]

    assert shape(NewVector) == shape(VectorJson)


def test_a_search_does_not_import_the_generator() -> None:
    routes = "[route.imported() for route in handler.ROUTES.values()]"
    code = f"import sys, handler; {routes}; print([name for name in sys.modules if 'vectord.edge.openapi' in name])"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=template.ROOT / "functions/search",
        env={"PYTHONPATH": str(template.ROOT / "layers/vectord")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "[]\n"
