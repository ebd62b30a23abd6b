"""Validation of responses against the OpenAPI document."""

from typing import Any

from vectord.edge.openapi.document import document


def violations(route: str, status: int, body: Any) -> list[str]:
    """Return the errors in the body of a response of a route; a status that is not in the document is an error."""
    from jsonschema import Draft202012Validator  # takes 1.6 s to import

    method, path = route.split(" ")
    answers = document()["paths"][path.replace("+}", "}")][method.lower()]["responses"]
    if str(status) not in answers:
        return [f"{route} does not answer {status}"]
    content = answers[str(status)].get("content", {})
    if body is None:
        return [f"{route} answers {status} with a body"] if content else []
    [schema] = [media["schema"] for kind, media in content.items() if kind.endswith("json") and media]
    whole = {**schema, "components": document()["components"]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(body)]
