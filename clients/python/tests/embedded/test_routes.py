"""The table of routes agrees with the functions, and paths are matched and decoded as an HTTP API does."""

from importlib import import_module

import pytest

from vectord.edge.routes import PREFLIGHT
from vectord_client.embedded.routes import DEFAULT, ROUTES, match


@pytest.mark.parametrize("function", ROUTES)
def test_the_table_lists_the_routes_of_each_function(function: str) -> None:
    served = import_module(f"vectord_functions.{function}.handler").ROUTES
    # The route of preflights exists only if the API allows other origins, which a local one does not.
    assert set(ROUTES[function]) == served.keys() - {PREFLIGHT}


def test_an_id_is_decoded_once_and_may_contain_slashes() -> None:
    matched = match("GET", "/indexes/films/vectors/a%2Fb%2520")
    assert (matched.route, matched.parameters) == (
        "GET /indexes/{name}/vectors/{id+}",
        {"name": "films", "id": "a/b%20"},
    )
    assert matched.path == "/indexes/films/vectors/a/b%20"


def test_a_route_without_parameters_goes_before_one_with_them() -> None:
    assert match("POST", "/indexes/films/vectors/get").route == "POST /indexes/{name}/vectors/get"


@pytest.mark.parametrize("target", ["GET /", "POST /indexes/films", "HEAD /indexes", "GET /openapi-json"])
def test_a_request_without_a_route_goes_to_the_default_one(target: str) -> None:
    assert match(*target.split()).route == DEFAULT
