"""The API in OpenAPI 3.1, generated from the types of bodies, query strings and answers."""
